// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** The report on the terminal. */
public final class TextReport {
    /** Columns of words; those of figures are aligned to the right. */
    private static final List<String> WORDS = List.of("workload", "contender", "device", "figure", "how");

    private TextReport() {}

    /** Where and how, contenders, measurements, what they come to, and what no single workload tells. */
    public static String of(Report report) {
        List<String> parts = new ArrayList<>();
        parts.add(String.join("\n", About.lines(report)) + "\n");
        if (!report.measurements().isEmpty()) {
            List<List<String>> rows = new ArrayList<>();
            rows.add(Cells.headings(report));
            report.byWorkload().forEach(group -> group.forEach(m -> rows.add(Cells.row(report, m))));
            parts.addAll(List.of(aligned(contenders(report)), aligned(rows), aligned(Summary.of(report))));
        }
        if (!report.keyFigures().isEmpty()) {
            parts.add(aligned(report.keyFigureRows()));
        }
        return String.join("\n", parts);
    }

    static List<List<String>> contenders(Report report) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("contender", "GFLOP/s at best", "GB/s copying", "GB/s up", "GB/s down", "cold start s",
                "of it opening", "compiling", "device"));
        for (Report.ContenderInfo info : report.contenders()) {
            DeviceFigures f = info.figures();
            rows.add(List.of(info.name(), Cells.optional(f.gigaflops()), Cells.optional(f.copyGigabytes()),
                    Cells.optional(f.uploadGigabytes()), Cells.optional(f.downloadGigabytes()),
                    Cells.optional(f.coldStartSeconds()), Cells.optional(f.openSeconds()),
                    Cells.optional(f.compileSeconds()), info.description()));
        }
        return rows;
    }

    /** Rows under their headings; a row with fewer cells ends with one that runs on over the others. */
    static String aligned(List<List<String>> rows) {
        List<String> headings = rows.getFirst();
        int[] widths = new int[headings.size()];
        for (List<String> row : rows) {
            int aligned = row.size() == headings.size() ? row.size() : row.size() - 1;
            for (int i = 0; i < aligned; i++) {
                widths[i] = Math.max(widths[i], row.get(i).length());
            }
        }
        StringBuilder text = new StringBuilder();
        for (List<String> row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.size(); i++) {
                boolean last = i == row.size() - 1 && (row.size() < headings.size() || i == headings.size() - 1);
                String padding = " ".repeat(last ? 0 : Math.max(0, widths[i] - row.get(i).length()));
                boolean left = last || WORDS.contains(headings.get(i));
                line.append(left ? row.get(i) + padding : padding + row.get(i)).append("  ");
            }
            text.append(line.toString().stripTrailing()).append('\n');
        }
        return text.toString();
    }
}
