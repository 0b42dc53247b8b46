// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.Locale;

/** A picture under construction. Colours come from the page's style: class {@code s0} is the first series. */
final class Svg {
    private final StringBuilder body = new StringBuilder();
    private final int width;
    private final int height;
    private final String description;

    /** @param description for those who cannot see it */
    Svg(int width, int height, String description) {
        this.width = width;
        this.height = height;
        this.description = description;
    }

    static String escaped(String text) {
        return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }

    private Svg add(String format, Object... values) {
        body.append(String.format(Locale.ROOT, format, values)).append('\n');
        return this;
    }

    Svg line(String style, double x1, double y1, double x2, double y2) {
        return add("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>", style, x1, y1, x2, y2);
    }

    /** @param tip shown when the pointer rests on it */
    Svg bar(String style, double x, double y, double barWidth, double barHeight, String tip) {
        return add("<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"><title>%s</title></rect>",
                style, x, y, Math.max(0.5, barWidth), barHeight, escaped(tip));
    }

    Svg dot(String style, double x, double y, String tip) {
        return add("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"><title>%s</title></circle>", style, x, y,
                escaped(tip));
    }

    /** A text with an outline, which can be read in front of lines. */
    Svg label(String anchor, double x, double y, String text) {
        return add("<text class=\"label\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>", anchor, x, y,
                escaped(text));
    }

    /** @param anchor start, middle or end */
    Svg text(String anchor, double x, double y, String text) {
        return add("<text text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>", anchor, x, y, escaped(text));
    }

    /** A text along a vertical axis. */
    Svg upright(double x, double y, String text) {
        return add("<text text-anchor=\"middle\" transform=\"translate(%.1f %.1f) rotate(-90)\">%s</text>", x, y,
                escaped(text));
    }

    Svg polyline(String style, double[] xs, double[] ys) {
        StringBuilder points = new StringBuilder();
        for (int i = 0; i < xs.length; i++) {
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", xs[i], ys[i]));
        }
        return add("<polyline class=\"%s\" points=\"%s\"/>", style, points.toString().strip());
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "<svg viewBox=\"0 0 %d %d\" style=\"max-width:%dpx\" role=\"img\""
                + " aria-label=\"%s\">%n%s</svg>%n", width, height, width, escaped(description), body);
    }
}
