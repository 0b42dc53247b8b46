// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The report for a README or an issue. */
final class MarkdownReport {
    private MarkdownReport() {}

    static String of(Report report) {
        Environment e = report.environment();
        StringBuilder text = new StringBuilder("# Benchmark of " + report.created() + "\n\n");
        text.append("`").append(report.command()).append("`").append(report.interrupted() ? " (interrupted)" : "")
                .append("\n\n");
        text.append("- ").append(e.processor()).append(", ").append(e.processors()).append(" processors, ")
                .append(e.memoryBytes() >> 20).append(" MiB; ").append(e.system()).append("\n");
        text.append("- Java ").append(e.java()).append("; commit ").append(e.commit()).append("; ")
                .append(report.dtype()).append("\n");
        text.append("- load before: ").append(Cells.number(Math.max(0, e.loadBefore()))).append(" processes\n");
        for (Report.ContenderInfo info : report.contenders()) {
            text.append("- ").append(info.name()).append(": ").append(info.description());
            info.details().forEach((name, value) -> text.append("; ").append(name).append(" ").append(value));
            text.append("\n");
        }
        text.append("\n");
        table(text, TextReport.contenders(report));
        text.append("\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(Cells.headings(report));
        report.measurements().forEach(m -> rows.add(Cells.row(report, m)));
        table(text, rows);
        text.append("\n");
        table(text, Summary.of(report));
        return text.toString();
    }

    private static void table(StringBuilder text, List<List<String>> rows) {
        int columns = rows.getFirst().size();
        for (int i = 0; i < rows.size(); i++) {
            List<String> row = new ArrayList<>(rows.get(i));
            row.addAll(Collections.nCopies(columns - row.size(), ""));
            text.append("| ");
            text.append(String.join(" | ", row.stream().map(cell -> cell.replace("|", "\\|")).toList()));
            text.append(" |\n");
            if (i == 0) {
                text.append("|").append("---|".repeat(columns)).append("\n");
            }
        }
    }
}
