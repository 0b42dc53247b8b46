// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;

/** Where and how a report was made, in lines for people. */
final class About {
    private About() {}

    static List<String> lines(Report report) {
        Environment e = report.environment();
        List<String> lines = new ArrayList<>();
        lines.add(e.processor() + ", " + e.processors() + " processors, " + (e.memoryBytes() >> 20) + " MiB; " + e.system());
        lines.add("Java " + e.java() + "; flags " + String.join(" ", e.jvmFlags()));
        lines.add("commit " + (e.commit().isEmpty() ? "unknown" : e.commit()) + "; " + report.dtype()
                + (e.loadBefore() >= 0 ? "; load before: " + Cells.number(e.loadBefore()) + " processes" : ""));
        for (Report.ContenderInfo info : report.contenders()) {
            StringBuilder text = new StringBuilder(info.name() + ": " + info.description());
            info.details().forEach((name, value) -> text.append("; ").append(name).append(' ').append(value));
            lines.add(text.toString());
        }
        return lines;
    }
}
