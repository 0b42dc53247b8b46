// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/** A picture of kernels under the roof of their device: what its arithmetic and its memory allow, as measured. */
final class Roofline {
    private static final int HEIGHT = 480;
    private static final int TOP = 20;
    private static final double BOTTOM = HEIGHT - 50.0;
    private static final double LEFT = 70;
    private static final double RIGHT = Charts.WIDTH - 30.0;
    /** Points of one operation nearer than this share a name. */
    private static final double NEAR = 50;

    /** Operations that look alike on a roofline, and so share a colour. */
    enum Family {
        MATRIX_PRODUCTS("matrix products"),
        ATTENTION("attention"),
        LAYER_NORM("LayerNorm"),
        OTHERS("others");

        private final String text;

        Family(String text) {
            this.text = text;
        }

        static Family of(String op) {
            return op.startsWith("linear") || op.startsWith("patchEmbedding") ? MATRIX_PRODUCTS
                    : op.startsWith("attention") ? ATTENTION : op.startsWith("layerNorm") ? LAYER_NORM : OTHERS;
        }

        String text() {
            return text;
        }

        String style() {
            return "s" + ordinal();
        }
    }

    private final Report.ContenderInfo contender;
    private final List<Measurement> shown;
    private final double peak;
    /** Of a copy beyond caches, and of the fastest in one. */
    private final double copy;
    private final double cachedCopy;
    private final Axis x;
    private final Axis y;
    private final Svg svg;
    private final Labels labels = new Labels(LEFT, TOP, RIGHT, BOTTOM);

    private Roofline(Report.ContenderInfo contender, List<Measurement> shown, DeviceFigures figures) {
        this.contender = contender;
        this.shown = shown;
        peak = figures.gigaflops();
        copy = figures.copyGigabytes();
        cachedCopy = figures.copies().stream().mapToDouble(DeviceFigures.CopyRate::gigabytes).max().orElse(copy);
        double ridge = peak / copy;
        x = Axis.logarithmic(Math.min(ridge / 4, least(shown, Roofline::intensity)) / 1.5,
                Math.max(ridge * 4, most(shown, Roofline::intensity)) * 1.5, LEFT, RIGHT);
        double slowest = least(shown, Measurement::gigaflops);
        double fastest = Math.max(peak, most(shown, Measurement::gigaflops));
        y = Axis.logarithmic(Math.min(slowest / 2, fastest / 20), fastest * 1.8, BOTTOM, TOP);
        svg = new Svg(Charts.WIDTH, HEIGHT, "roofline of " + contender.name());
    }

    private static double least(List<Measurement> shown, ToDoubleFunction<Measurement> value) {
        return shown.stream().mapToDouble(value).min().orElseThrow();
    }

    private static double most(List<Measurement> shown, ToDoubleFunction<Measurement> value) {
        return shown.stream().mapToDouble(value).max().orElseThrow();
    }

    /** The picture; empty where no roof was measured or no kernel. */
    static String of(Report report, Report.ContenderInfo contender) {
        DeviceFigures figures = report.figures(contender.name());
        List<Measurement> shown = report.measurements().stream()
                .filter(m -> m.isOk() && m.contender().equals(contender.name())
                        && m.kind().equals(Workload.Kind.KERNEL.text()) && m.flops() > 0)
                .toList();
        return shown.isEmpty() || figures.gigaflops() == null || figures.copyGigabytes() == null
                ? "" : new Roofline(contender, shown, figures).draw(report);
    }

    private String draw(Report report) {
        Charts.verticals(svg, x, TOP, BOTTOM, "FLOP per byte");
        Charts.horizontals(svg, y, LEFT, RIGHT, "GFLOP/s");
        roof("roof cached", cachedCopy);
        roof("roof", copy);
        write(x.at(peak / copy) + 4, y.at(peak) - 7, Cells.number(peak) + " GFLOP/s, loop of FMAs");
        nameSlope(copy, " GB/s, copy in memory");
        if (cachedCopy > 1.2 * copy) {
            nameSlope(cachedCopy, " GB/s, copy in caches");
        }
        for (Measurement m : shown) {
            labels.avoid(x.at(intensity(m)), y.at(m.gigaflops()));
            svg.dot(Family.of(m.op()).style(), x.at(intensity(m)), y.at(m.gigaflops()), tip(report, m));
        }
        for (List<Measurement> cluster : clusters()) {
            name(cluster);
        }
        return svg.toString();
    }

    private void roof(String style, double gigabytes) {
        double ridge = peak / gigabytes;
        double start = Math.max(x.low(), y.low() / gigabytes);
        svg.polyline(style, new double[] {x.at(start), x.at(ridge), x.at(x.high())},
                new double[] {y.at(gigabytes * start), y.at(peak), y.at(peak)});
    }

    /** Writes a rate beside the lower end of its slope. */
    private void nameSlope(double gigabytes, String what) {
        double start = Math.max(x.low(), y.low() / gigabytes) * 1.1;
        write(x.at(start) + 8, y.at(gigabytes * start) + 8, Cells.number(gigabytes) + what);
    }

    private void write(double left, double line, String text) {
        labels.avoid(left, line, text);
        svg.label("start", left, line, text);
    }

    private String tip(Report report, Measurement m) {
        return contender.name() + ", " + m.title() + ": " + Cells.number(m.gigaflops()) + " GFLOP/s ("
                + Cells.percent(report.shareOfGigaflops(m)) + "), " + Cells.number(m.gigabytes()) + " GB/s ("
                + Cells.percent(report.shareOfGigabytes(m)) + " of a copy of this size)";
    }

    /** Measurements of one operation that lie near each other. */
    private List<List<Measurement>> clusters() {
        List<List<Measurement>> clusters = new ArrayList<>();
        for (Measurement m : shown) {
            clusters.stream().filter(cluster -> isNear(cluster.getFirst(), m)).findFirst()
                    .ifPresentOrElse(cluster -> cluster.add(m), () -> clusters.add(new ArrayList<>(List.of(m))));
        }
        return clusters;
    }

    private boolean isNear(Measurement a, Measurement b) {
        return a.op().equals(b.op()) && Math.hypot(x.at(intensity(a)) - x.at(intensity(b)),
                y.at(a.gigaflops()) - y.at(b.gigaflops())) < NEAR;
    }

    private void name(List<Measurement> cluster) {
        Measurement m = cluster.getFirst();
        double pointX = x.at(intensity(m));
        double pointY = y.at(m.gigaflops());
        String text = m.op() + (cluster.size() > 1 ? " ×" + cluster.size() : "");
        Labels.Place place = labels.place(pointX, pointY, text);
        if (place == null) {
            return; // the pointer on the point shows it
        }
        if (place.away()) {
            svg.line("lead", pointX, pointY, place.x() - (place.anchor().equals("start") ? 2 : -2), place.y() - 4);
        }
        svg.label(place.anchor(), place.x(), place.y(), text);
    }

    private static double intensity(Measurement m) {
        return m.flops() / (double) m.bytes();
    }
}
