// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The report for a README or an issue. */
final class MarkdownReport {
    private MarkdownReport() {}

    static String of(Report report) {
        StringBuilder text = new StringBuilder("# Benchmark of " + report.created() + "\n\n");
        text.append("`").append(report.command()).append("`").append(report.interrupted() ? " (interrupted)" : "")
                .append("\n\n");
        About.lines(report).forEach(line -> text.append("- ").append(line).append("\n"));
        text.append("\n");
        table(text, TextReport.contenders(report));
        text.append("\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(Cells.headings(report));
        report.measurements().forEach(m -> rows.add(Cells.row(report, m)));
        table(text, rows);
        text.append("\n");
        table(text, Summary.of(report));
        List<List<String>> figures = report.keyFigureRows();
        if (!figures.isEmpty()) {
            text.append("\n");
            table(text, figures);
        }
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
