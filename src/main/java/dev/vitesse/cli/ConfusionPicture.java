// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.awt.Color;
import java.awt.Font;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IntSummaryStatistics;
import java.util.List;
import org.knowm.xchart.HeatMapChart;
import org.knowm.xchart.HeatMapChartBuilder;

/** {@code confusion.png}: how many examples of each class were taken for which. */
final class ConfusionPicture {
    /** With more classes, names and counts would not be legible. */
    private static final int MOST_CLASSES = 40;
    private static final int MARGIN = 110;
    private static final int SHADES = 1024;
    private static final int SMALLEST_SPACING = 10;
    private static final Color FEW = new Color(0xf0f6fc);
    /** Light enough for black counts upon it. */
    private static final Color MANY = new Color(0x74aedb);

    private ConfusionPicture() {}

    /** @param confusion [label][prediction], numbers of examples */
    static BufferedImage draw(int[][] confusion, List<String> classes) {
        int count = confusion.length;
        boolean legible = count <= MOST_CLASSES;
        int cell = legible ? Math.max(52, 360 / count) : Math.max(2, 1400 / count);
        int side = MARGIN + count * cell;
        List<String> columns = names(classes, count);
        HeatMapChart chart = new HeatMapChartBuilder()
                .width(side).height(side).title("Confusion matrix").xAxisTitle("predicted").yAxisTitle("true").build();
        Pictures.style(chart.getStyler());
        chart.getStyler().setLegendVisible(false).setPlotContentSize(1);
        chart.getStyler()
                .setAxisTickMarkLength(0)
                .setPlotGridLinesVisible(false)
                .setAxisTicksVisible(legible)
                // Close enough that no class goes without its name.
                .setXAxisTickMarkSpacingHint(SMALLEST_SPACING)
                .setYAxisTickMarkSpacingHint(SMALLEST_SPACING)
                .setXAxisLabelRotation(columns.stream().anyMatch(name -> name.length() > 4) ? 90 : 0);
        chart.getStyler()
                .setShowValue(legible)
                .setHeatMapValueDecimalPattern("0")
                .setValueFont(new Font(Font.SANS_SERIF, Font.PLAIN, 13))
                .setValueFontColor(Color.BLACK)
                .setPiecewise(true)
                .setSplitNumber(SHADES)
                .setRangeColors(colors(confusion));
        List<String> rows = new ArrayList<>(columns);
        Collections.reverse(rows);
        chart.addSeries("confusion", columns, rows, cells(confusion));
        return Pictures.paint(side, side, g -> chart.paint(g, side, side));
    }

    /** The cells as (column, row from below, count), without the empty ones. */
    private static List<Number[]> cells(int[][] confusion) {
        List<Number[]> cells = new ArrayList<>();
        for (int label = 0; label < confusion.length; label++) {
            for (int prediction = 0; prediction < confusion.length; prediction++) {
                if (confusion[label][prediction] > 0) {
                    int row = confusion.length - 1 - label;
                    cells.add(new Number[] {prediction, row, confusion[label][prediction]});
                }
            }
        }
        return cells;
    }

    /**
     * The colours from the smallest count to the largest, which the chart spaces evenly. They follow the logarithm of
     * the count, else the few mistakes of a good model would look like none.
     */
    private static Color[] colors(int[][] confusion) {
        IntSummaryStatistics counts = Arrays.stream(confusion).flatMapToInt(Arrays::stream).filter(n -> n > 0)
                .summaryStatistics();
        Color[] colors = new Color[SHADES];
        for (int i = 0; i < SHADES; i++) {
            double count = counts.getMin() + (double) i / (SHADES - 1) * (counts.getMax() - counts.getMin());
            colors[i] = mix(FEW, MANY, Math.log(count) / Math.log(Math.max(2, counts.getMax())));
        }
        return colors;
    }

    private static Color mix(Color a, Color b, double share) {
        return new Color(
                (int) Math.round(a.getRed() + share * (b.getRed() - a.getRed())),
                (int) Math.round(a.getGreen() + share * (b.getGreen() - a.getGreen())),
                (int) Math.round(a.getBlue() + share * (b.getBlue() - a.getBlue())));
    }

    /** Axis labels: short, and different from each other. */
    private static List<String> names(List<String> classes, int count) {
        List<String> names = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            String name = k < classes.size() ? classes.get(k) : Integer.toString(k);
            name = name.length() > 12 ? name.substring(0, 11) + "." : name;
            names.add(names.contains(name) ? name + " " + k : name);
        }
        return names;
    }
}
