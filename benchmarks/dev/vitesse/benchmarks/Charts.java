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
    private static final int WIDTH = 960;
    private static final int LABELS = 360;
    private static final int LONGEST_LABEL = 46;
    private static final int ROW = 16;
    private static final int MARGIN = 30;
    private static final int PLOT_HEIGHT = 420;
    private static final int LEFT = 70;
    private static final int BOTTOM = 50;
    private static final String KERNEL = Workload.Kind.KERNEL.text();

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
        Axis x = Axis.logarithmic(Math.min(0.5, smallest), Math.max(2, largest), LABELS, WIDTH - 90);
        double bottom = MARGIN + ROW * (double) shown.size();
        verticals(svg, x, MARGIN, bottom, "times as fast as " + report.baseline() + " (with 95 % interval)");
        String title = "";
        for (int i = 0; i < shown.size(); i++) {
            Measurement m = shown.get(i);
            Statistics.Comparison c = report.againstBaseline(m);
            double y = MARGIN + ROW * (double) i;
            if (!m.title().equals(title)) {
                svg.text("end", LABELS - 8, y + 12, shortened(m.title()));
            }
            title = m.title();
            double one = x.at(1);
            double end = x.at(c.speedup().median());
            svg.bar(style(report, m.contender()), Math.min(one, end), y + 2, Math.abs(end - one), ROW - 4,
                    m.contender() + ", " + m.title() + ": " + Cells.versus(c));
            svg.line("whisker", x.at(c.speedup().low()), y + ROW / 2.0, x.at(c.speedup().high()), y + ROW / 2.0);
            svg.text("start", WIDTH - 85, y + 12, String.format(Locale.ROOT, "%.2fx%s", c.speedup().median(),
                    c.verdict() == Statistics.Verdict.SAME ? " (noise)" : ""));
        }
        svg.line("one", x.at(1), MARGIN, x.at(1), bottom);
        return svg.toString();
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
                ? Axis.logarithmic(smallest, largest, bottom, MARGIN) : Axis.linear(largest, bottom, MARGIN);
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
                svg.dot(style, xs[i], ys[i], each.getKey() + ", batch " + points.get(i).batch() + ": "
                        + Cells.number(points.get(i).imagesPerSecond()) + " images/s");
            }
            nextLabel = Math.max(nextLabel + ROW, ys[ys.length - 1] + 4);
            svg.text("start", xs[xs.length - 1] + 10, nextLabel, each.getKey());
        }
        return svg.toString();
    }

    /** Kernels by arithmetic intensity under their device's roof; empty where no roof was measured. */
    static String roofline(Report report, Report.ContenderInfo contender) {
        DeviceFigures figures = report.figures(contender.name());
        List<Measurement> shown = report.measurements().stream()
                .filter(m -> m.isOk() && m.contender().equals(contender.name()) && m.kind().equals(KERNEL)
                        && m.flops() > 0)
                .toList();
        if (shown.isEmpty() || figures.gigaflops() == null || figures.copyGigabytes() == null) {
            return "";
        }
        double peak = figures.gigaflops();
        double copy = figures.copyGigabytes();
        double ridge = peak / copy;
        double lowX = Math.min(ridge / 10, shown.stream().mapToDouble(Charts::intensity).min().orElseThrow());
        double highX = Math.max(ridge * 10, shown.stream().mapToDouble(Charts::intensity).max().orElseThrow());
        double lowY = shown.stream().mapToDouble(Measurement::gigaflops).min().orElseThrow();
        Svg svg = new Svg(WIDTH, PLOT_HEIGHT, "roofline of " + contender.name());
        double bottom = PLOT_HEIGHT - BOTTOM;
        Axis x = Axis.logarithmic(lowX, highX, LEFT, WIDTH - 40.0);
        Axis y = Axis.logarithmic(Math.min(lowY, copy * x.low() * 2), peak * 1.5, bottom, MARGIN);
        verticals(svg, x, MARGIN, bottom, "FLOP per byte");
        horizontals(svg, y, LEFT, WIDTH - 40.0, "GFLOP/s");
        double start = Math.max(x.low(), y.low() / copy);
        svg.polyline("roof", new double[] {x.at(start), x.at(ridge), x.at(x.high())},
                new double[] {y.at(copy * start), y.at(peak), y.at(peak)});
        svg.text("end", WIDTH - 44, y.at(peak) - 6, Cells.number(peak) + " GFLOP/s, FMA loop");
        svg.text("start", x.at(start) + 40, y.at(copy * start) - 2, Cells.number(copy) + " GB/s, copy");
        for (Measurement m : shown) {
            svg.dot(style(report, contender.name()), x.at(intensity(m)), y.at(m.gigaflops()), m.title() + ": "
                    + Cells.number(m.gigaflops()) + " GFLOP/s, " + Cells.number(m.gigabytes()) + " GB/s");
        }
        return svg.toString();
    }

    /** What fits beside the bars; the pointer on a bar shows all of it. */
    private static String shortened(String title) {
        return title.length() <= LONGEST_LABEL ? title : title.substring(0, LONGEST_LABEL - 1) + "…";
    }

    private static double intensity(Measurement m) {
        return m.flops() / (double) m.bytes();
    }

    private static void verticals(Svg svg, Axis x, double top, double bottom, String title) {
        for (double tick : x.ticks()) {
            svg.line("grid", x.at(tick), top, x.at(tick), bottom);
            svg.text("middle", x.at(tick), bottom + 18, tick(tick));
        }
        svg.text("middle", (x.from() + x.to()) / 2, bottom + 38, title);
    }

    private static void horizontals(Svg svg, Axis y, double left, double right, String title) {
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
