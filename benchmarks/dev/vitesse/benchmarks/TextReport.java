// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The table on the terminal. */
public final class TextReport {
    private TextReport() {}

    public static String table(List<Measurement> measurements, String baseline) {
        List<String[]> rows = new ArrayList<>();
        rows.add(new String[] {"workload", "contender", "ms", "95 % interval", "p99", "GFLOP/s", "GB/s", "images/s",
            "difference", "against " + baseline});
        Map<String, List<Measurement>> byWorkload = new LinkedHashMap<>();
        measurements.forEach(m -> byWorkload.computeIfAbsent(m.workload(), w -> new ArrayList<>()).add(m));
        byWorkload.values().forEach(of -> {
            Measurement base = of.stream().filter(m -> m.contender().equals(baseline)).findFirst().orElse(null);
            of.forEach(m -> rows.add(row(m, base)));
        });
        return aligned(rows);
    }

    private static String[] row(Measurement m, @Nullable Measurement base) {
        if (!m.isOk()) {
            String what = m.status() == Measurement.Status.FAILED ? "FAILED: " : "skipped: ";
            return new String[] {m.title(), m.contender(), what + m.reason()};
        }
        Statistics.Estimate time = m.time();
        String versus = base == null || base == m || !base.isOk() ? "" : versus(m, base);
        boolean kernel = m.kind().equals(Workload.Kind.KERNEL.text());
        return new String[] {
            m.title(), m.contender(), millis(time.median()), millis(time.low()) + " to " + millis(time.high()),
            millis(m.p99()), number(m.gigaflops()), number(m.gigabytes()), kernel ? "" : number(m.imagesPerSecond()),
            m.difference() == null ? "not compared" : String.format(Locale.ROOT, "%.1e", m.difference()), versus
        };
    }

    private static String versus(Measurement m, Measurement base) {
        Statistics.Comparison c = Statistics.paired(m.rounds(), base.rounds());
        String verdict = switch (c.verdict()) {
            case FASTER -> "faster";
            case SLOWER -> "slower";
            case SAME -> "same within noise";
        };
        return String.format(Locale.ROOT, "%.2fx (%.2f to %.2f), %s", c.speedup().median(), c.speedup().low(),
                c.speedup().high(), verdict);
    }

    private static String millis(double nanos) {
        return number(nanos / 1e6);
    }

    /** Three digits that count. */
    static String number(double value) {
        if (value >= 100) {
            return String.format(Locale.ROOT, "%.0f", value);
        }
        int decimals = value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4;
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }

    private static String aligned(List<String[]> rows) {
        int columns = rows.stream().mapToInt(r -> r.length).max().orElse(0);
        int[] widths = new int[columns];
        for (String[] row : rows) {
            // A reason instead of figures runs on over the columns.
            int aligned = row.length == columns ? columns : row.length - 1;
            for (int i = 0; i < aligned; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                boolean left = i < 2 || i >= columns - 1 || row.length < columns;
                line.append(String.format(left ? "%-" + Math.max(1, widths[i]) + "s  " : "%" + Math.max(1, widths[i]) + "s  ", row[i]));
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
