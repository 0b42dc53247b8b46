// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The cells that tables for people share. */
final class Cells {
    static final List<String> HEADINGS = List.of("workload", "contender", "ms", "95 % interval", "p99", "on device",
            "GFLOP/s", "of peak", "GB/s", "of copy", "images/s", "difference");

    private Cells() {}

    /** Headings with that of the comparison. */
    static List<String> headings(Report report) {
        List<String> headings = new ArrayList<>(HEADINGS);
        if (hasEnergy(report)) {
            headings.add("J a run");
        }
        headings.add("speed-up against " + report.baseline());
        return headings;
    }

    /** One row: as many cells as headings, or three if there are no times, the last of which says why. */
    static List<String> row(Report report, Measurement m) {
        if (!m.isOk()) {
            return List.of(m.title(), m.contender(), failure(m));
        }
        Statistics.Estimate time = m.time();
        boolean kernel = m.kind().equals(Workload.Kind.KERNEL.text());
        List<String> row = new ArrayList<>(List.of(m.title(), m.contender(), millis(time.median()) + (m.steady() ? "" : " (not steady)"),
                millis(time.low()) + " to " + millis(time.high()), m.p99() == null ? "" : millis(m.p99()),
                m.deviceNanos() == null ? "" : millis(m.deviceNanos()),
                m.flops() == 0 ? "" : number(m.gigaflops()), percent(report.shareOfGigaflops(m)),
                number(m.gigabytes()), percent(report.shareOfGigabytes(m)),
                kernel ? "" : number(m.imagesPerSecond()), difference(m)));
        if (hasEnergy(report)) {
            row.add(optional(m.joulesPerRun()));
        }
        row.add(versus(report.againstBaseline(m)));
        return row;
    }

    private static boolean hasEnergy(Report report) {
        return report.measurements().stream().anyMatch(m -> m.isOk() && m.joulesPerRun() != null);
    }

    static String failure(Measurement m) {
        return (m.status() == Measurement.Status.FAILED ? "FAILED: " : "skipped: ") + m.reason();
    }

    static String difference(Measurement m) {
        if (m.difference() == null) {
            return "not checked";
        }
        String plain = m.comparedWith().replaceFirst("^" + References.REFERENCE + "(, )?", "");
        String from = plain.isEmpty() ? "" : " (" + plain + ")";
        return String.format(Locale.ROOT, "%.1e%s", m.difference(), from);
    }

    static String versus(Statistics.@Nullable Comparison c) {
        if (c == null) {
            return "";
        }
        String interval = String.format(Locale.ROOT, "%.2fx (%.2f to %.2f)", c.speedup().median(), c.speedup().low(),
                c.speedup().high());
        return interval + ", " + verdict(c.verdict());
    }

    static String verdict(Statistics.Verdict verdict) {
        return switch (verdict) {
            case FASTER -> "faster";
            case SLOWER -> "slower";
            case SAME -> "same within noise";
        };
    }

    static String percent(@Nullable Double share) {
        return share == null ? "" : number(100 * share) + " %";
    }

    static String millis(double nanos) {
        return number(nanos / 1e6);
    }

    static String optional(@Nullable Double value) {
        return value == null ? "" : number(value);
    }

    /** Three digits that count. */
    static String number(double value) {
        if (value == 0) {
            return "0";
        }
        int decimals = (int) Math.clamp(2 - Math.floor(Math.log10(Math.abs(value))), 0, 6);
        return String.format(Locale.ROOT, "%." + decimals + "f", value);
    }
}
