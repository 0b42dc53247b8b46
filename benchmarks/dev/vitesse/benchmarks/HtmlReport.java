// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** The report as one page that needs nothing else: no network, no script. */
final class HtmlReport {
    private static final String STYLE = """
            :root { color-scheme: light dark; --ink: #1c2733; --soft: #5b6875; --grid: #dde3e8; --paper: #fff;
                --s0: #1f6fb2; --s1: #d9622b; --s2: #2f8f5b; --s3: #8a4fbf; --s4: #b0902a; }
            @media (prefers-color-scheme: dark) { :root { --ink: #e4eaf0; --soft: #9aa7b3; --grid: #333d47;
                --paper: #14191f; --s0: #5aa9e6; --s1: #f08a5a; --s2: #5cc38d; --s3: #b98be6; --s4: #dcc15a; } }
            body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
                max-width: 1360px; margin: 2rem auto; padding: 0 1.2rem; }
            h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
            p, .soft, li { color: var(--soft); } code { background: var(--grid); padding: .1em .35em; border-radius: 4px; }
            .wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; white-space: nowrap; }
            th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--grid); }
            th { color: var(--soft); font-weight: 600; } .left { text-align: left; }
            td { font-variant-numeric: tabular-nums; } .failed { color: #d33; text-align: left; font-weight: 600; }
            .group td { border-top: 2px solid var(--grid); }
            .faster { color: var(--s2); } .slower { color: var(--s1); }
            svg { width: 100%; min-width: 760px; height: auto; display: block; }
            svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
            svg .label { paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }
            .grid { stroke: var(--grid); } .whisker { stroke: var(--ink); stroke-width: 1.2; }
            .one { stroke: var(--ink); stroke-width: 1.5; } .lead { stroke: var(--soft); stroke-width: .8; }
            .roof { stroke: var(--ink); stroke-width: 2; fill: none; }
            .cached { stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 6 4; }
            .curve { fill: none !important; stroke-width: 2; } .interval { stroke-width: 1.5; opacity: .6; }
            .faint { opacity: .35; } svg circle { stroke: var(--paper) !important; stroke-width: 1; }
            .entry { white-space: nowrap; }
            .key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin: 0 .4em 0 1em; }
            td:first-child, th:first-child { position: sticky; left: 0; background: var(--paper); }
            @media (max-width: 700px) { body { margin: 1rem auto; padding: 0 .7rem; } code { overflow-wrap: anywhere; }
                td:first-child, th:first-child { max-width: 9rem; overflow: hidden; text-overflow: ellipsis; } }
            """;

    private HtmlReport() {}

    static String of(Report report) {
        StringBuilder page = new StringBuilder("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                + "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                + "<title>Vitesse benchmark</title>\n<style>\n").append(STYLE).append(seriesStyle())
                .append("</style>\n</head>\n<body>\n");
        header(page, report);
        page.append("<h2>At a glance</h2>\n");
        table(page, Summary.of(report), List.of());
        if (!report.keyFigures().isEmpty()) {
            page.append("<h2>Beside the workloads</h2>\n");
            table(page, report.keyFigureRows(), List.of());
        }
        chart(page, "Speed-up", "Above 1 is faster than " + report.baseline()
                + ". The bar is the median of the rounds' ratios, the line its 95 % interval; bars are faint where the"
                + " difference is inside the noise.", Charts.speedups(report), contenders(report));
        chart(page, "Throughput by batch", "Inference from images on the heap to logits on the heap, with 95 % intervals.",
                Charts.throughput(report), contenders(report));
        Map<String, String> families = new LinkedHashMap<>();
        for (Roofline.Family family : Roofline.Family.values()) {
            families.put(family.style(), family.text());
        }
        for (Report.ContenderInfo contender : report.contenders()) {
            chart(page, "Roofline of " + contender.name(), "Each point is a kernel: what it reaches against what arithmetic"
                    + " and memory allow at its FLOPs per byte, all measured in this run. Operands that fit into caches may"
                    + " exceed the line of memory.", Roofline.of(report, contender), families);
        }
        page.append("<h2>Devices</h2>\n");
        table(page, TextReport.contenders(report), List.of());
        page.append("<h2>All results</h2>\n");
        List<List<String>> rows = new ArrayList<>();
        rows.add(Cells.headings(report));
        report.byWorkload().forEach(group -> group.forEach(m -> rows.add(Cells.row(report, m))));
        table(page, rows, report.byWorkload().stream().flatMap(List::stream).toList());
        return page.append("</body>\n</html>\n").toString();
    }

    private static String seriesStyle() {
        StringBuilder style = new StringBuilder();
        for (int i = 0; i < 5; i++) {
            style.append(String.format(Locale.ROOT,
                    ".s%1$d { fill: var(--s%1$d); stroke: var(--s%1$d); background: var(--s%1$d); }%n", i));
        }
        return style.toString();
    }

    private static void header(StringBuilder page, Report report) {
        page.append("<h1>Vitesse benchmark</h1>\n<p>").append(Svg.escaped(report.created())).append(" · <code>")
                .append(Svg.escaped(report.command())).append("</code>")
                .append(report.interrupted() ? " · interrupted: what was measured until then" : "").append("</p>\n<ul>\n");
        About.lines(report)
                .forEach(line -> page.append("<li>").append(Svg.escaped(line)).append("</li>\n"));
        page.append("</ul>\n");
    }

    private static Map<String, String> contenders(Report report) {
        Map<String, String> names = new LinkedHashMap<>();
        for (Report.ContenderInfo contender : report.contenders()) {
            names.put("s" + names.size(), contender.name());
        }
        return names;
    }

    /** @param legend what the styles stand for */
    private static void chart(
            StringBuilder page, String title, String caption, String svg, Map<String, String> legend) {
        if (svg.isEmpty()) {
            return;
        }
        page.append("<h2>").append(Svg.escaped(title)).append("</h2>\n<p>").append(Svg.escaped(caption));
        legend.forEach((style, name) -> page.append(" <span class=\"entry\"><span class=\"key ").append(style)
                .append("\"></span>").append(Svg.escaped(name)).append("</span>"));
        page.append("</p>\n<div class=\"wide\">").append(svg).append("</div>\n");
    }

    /** @param measurements of the rows after the headings; empty if they are none */
    private static void table(StringBuilder page, List<List<String>> rows, List<Measurement> measurements) {
        page.append("<div class=\"wide\"><table>\n<tr>");
        rows.getFirst().forEach(heading -> page.append(cell("th", heading, heading)));
        page.append("</tr>\n");
        int columns = rows.getFirst().size();
        for (int i = 1; i < rows.size(); i++) {
            List<String> row = rows.get(i);
            boolean first = i > 1 && !measurements.isEmpty()
                    && !measurements.get(i - 1).workload().equals(measurements.get(i - 2).workload());
            page.append(first ? "<tr class=\"group\">" : "<tr>");
            for (int j = 0; j < row.size(); j++) {
                if (row.size() < columns && j == row.size() - 1) {
                    page.append("<td class=\"failed\" colspan=\"").append(columns - j).append("\">")
                            .append(Svg.escaped(row.get(j))).append("</td>");
                } else {
                    page.append(cell("td", rows.getFirst().get(j), row.get(j)));
                }
            }
            page.append("</tr>\n");
        }
        page.append("</table></div>\n");
    }

    private static String cell(String tag, String heading, String text) {
        boolean left = List.of("workload", "contender", "device", "figure", "how").contains(heading);
        String style = left ? "left" : text.endsWith(", faster") ? "faster" : text.endsWith(", slower") ? "slower" : "";
        String attribute = style.isEmpty() ? "" : " class=\"" + style + "\"";
        return "<" + tag + attribute + ">" + Svg.escaped(text) + "</" + tag + ">";
    }
}
