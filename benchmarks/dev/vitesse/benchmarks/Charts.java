// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** The pictures of a report. */
final class Charts {
    static final int WIDTH = 960;
    private static final int LABELS = 360;
    private static final int LONGEST_LABEL = 46;
    private static final int ROW = 20;
    private static final int VALUES = 200;
    private static final int MARGIN = 30;
    private static final int PLOT_HEIGHT = 420;
    private static final int LEFT = 70;
    private static final int BOTTOM = 50;

    private Charts() {}

    /** The place of a contender among the series, which is its colour. */
    private static String style(Report report, String contender) {
        for (int i = 0; i < report.contenders().size(); i++) {
            if (report.contenders().get(i).name().equals(contender)) {
                return "s" + i;
            }
        }
        return "s0";
    }

    /** Bars of how much faster each contender is than the baseline, with their intervals; empty if nobody compares. */
    static String speedups(Report report) {
        List<Measurement> shown =
                report.measurements().stream().filter(m -> report.againstBaseline(m) != null).toList();
        if (shown.isEmpty()) {
            return "";
        }
        double smallest = 1;
        double largest = 1;
        for (Measurement m : shown) {
            smallest = Math.min(smallest, report.againstBaseline(m).speedup().low());
            largest = Math.max(largest, report.againstBaseline(m).speedup().high());
        }
        int height = MARGIN + ROW * shown.size() + BOTTOM;
        Svg svg = new Svg(WIDTH, height, "speed-up by workload");
        Axis x = Axis.logarithmic(Math.min(0.8, smallest / 1.05), Math.max(1.25, largest * 1.05), LABELS, WIDTH - VALUES);
        double bottom = MARGIN + ROW * (double) shown.size();
        verticals(svg, x, MARGIN, bottom, "times as fast as " + report.baseline() + " (with 95 % interval)");
        String title = "";
        for (int i = 0; i < shown.size(); i++) {
            Measurement m = shown.get(i);
            Statistics.Comparison c = report.againstBaseline(m);
            double y = MARGIN + ROW * (double) i;
            if (!m.title().equals(title)) {
                svg.text("end", LABELS - 8, y + 14, shortened(m.title()));
            }
            title = m.title();
            double one = x.at(1);
            double end = x.at(c.speedup().median());
            boolean same = c.verdict() == Statistics.Verdict.SAME;
            svg.bar(style(report, m.contender()) + (same ? " faint" : ""), Math.min(one, end), y + 3,
                    Math.abs(end - one), ROW - 6, m.contender() + ", " + m.title() + ": " + Cells.versus(c));
            whisker(svg, x.at(c.speedup().low()), x.at(c.speedup().high()), y + ROW / 2.0);
            svg.text("start", WIDTH - VALUES + 10, y + 14, String.format(Locale.ROOT, "%.2fx (%.2f to %.2f)%s",
                    c.speedup().median(), c.speedup().low(), c.speedup().high(), same ? ", noise" : ""));
        }
        svg.line("one", x.at(1), MARGIN, x.at(1), bottom);
        return svg.toString();
    }

    /** An interval with its ends. */
    private static void whisker(Svg svg, double from, double to, double y) {
        svg.line("whisker", from, y, to, y);
        svg.line("whisker", from, y - 3, from, y + 3);
        svg.line("whisker", to, y - 3, to, y + 3);
    }

    /** Images per second of inference over the batch, for each preset. */
    static String throughput(Report report) {
        List<Measurement> shown = report.measurements().stream()
                .filter(m -> m.isOk() && m.kind().equals(Workload.Kind.INFERENCE.text())).toList();
        if (shown.isEmpty()) {
            return "";
        }
        double largest = shown.stream().mapToDouble(Measurement::imagesPerSecond).max().orElseThrow();
        double smallest = shown.stream().mapToDouble(Measurement::imagesPerSecond).min().orElseThrow();
        List<Integer> batches = shown.stream().map(Measurement::batch).distinct().sorted().toList();
        Svg svg = new Svg(WIDTH, PLOT_HEIGHT, "throughput by batch");
        double bottom = PLOT_HEIGHT - BOTTOM;
        // Models that differ by more than this share a picture only on a logarithmic axis.
        Axis y = largest / smallest > 20
                ? Axis.logarithmic(smallest / 1.5, largest * 1.5, bottom, MARGIN) : Axis.linear(largest, bottom, MARGIN);
        horizontals(svg, y, LEFT, WIDTH - 160.0, "images per second");
        double step = (WIDTH - 160.0 - LEFT) / batches.size();
        for (int i = 0; i < batches.size(); i++) {
            svg.text("middle", LEFT + step * (i + 0.5), bottom + 18, String.valueOf(batches.get(i)));
        }
        svg.text("middle", LEFT + step * batches.size() / 2, bottom + 38, "images in a batch");
        Map<String, List<Measurement>> series = shown.stream().collect(Collectors.groupingBy(
                m -> m.preset() + ", " + m.contender(), TreeMap::new, Collectors.toList()));
        double nextLabel = Double.NEGATIVE_INFINITY;
        List<Map.Entry<String, List<Measurement>>> sorted = new ArrayList<>(series.entrySet());
        sorted.sort((a, b) -> Double.compare(b.getValue().getLast().imagesPerSecond(),
                a.getValue().getLast().imagesPerSecond()));
        for (Map.Entry<String, List<Measurement>> each : sorted) {
            List<Measurement> points = each.getValue();
            String style = style(report, points.getFirst().contender());
            double[] xs = points.stream().mapToDouble(m -> LEFT + step * (batches.indexOf(m.batch()) + 0.5)).toArray();
            double[] ys = points.stream().mapToDouble(m -> y.at(m.imagesPerSecond())).toArray();
            svg.polyline(style + " curve", xs, ys);
            for (int i = 0; i < xs.length; i++) {
                Statistics.Estimate rate = points.get(i).time().inverse(1e9 * points.get(i).batch());
                svg.line(style + " interval", xs[i], y.at(rate.low()), xs[i], y.at(rate.high()));
                svg.dot(style, xs[i], ys[i], each.getKey() + ", batch " + points.get(i).batch() + ": "
                        + Cells.number(points.get(i).imagesPerSecond()) + " images/s");
            }
            nextLabel = Math.max(nextLabel + ROW, ys[ys.length - 1] + 4);
            svg.label("start", xs[xs.length - 1] + 12, nextLabel, each.getKey());
        }
        return svg.toString();
    }

    /** What fits beside the bars; the pointer on a bar shows all of it. */
    private static String shortened(String title) {
        return title.length() <= LONGEST_LABEL ? title : title.substring(0, LONGEST_LABEL - 1) + "…";
    }

    static void verticals(Svg svg, Axis x, double top, double bottom, String title) {
        for (double tick : x.ticks()) {
            svg.line("grid", x.at(tick), top, x.at(tick), bottom);
            svg.text("middle", x.at(tick), bottom + 18, tick(tick));
        }
        svg.text("middle", (x.from() + x.to()) / 2, bottom + 38, title);
    }

    static void horizontals(Svg svg, Axis y, double left, double right, String title) {
        for (double tick : y.ticks()) {
            svg.line("grid", left, y.at(tick), right, y.at(tick));
            svg.text("end", left - 6, y.at(tick) + 4, tick(tick));
        }
        svg.upright(16, (y.from() + y.to()) / 2, title);
    }

    private static String tick(double value) {
        String text = String.format(Locale.ROOT, "%.10f", value);
        return text.replaceAll("\\.?0+$", "");
    }
}
