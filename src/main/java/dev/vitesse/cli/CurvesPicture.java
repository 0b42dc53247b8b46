// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.train.EpochMetrics;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler.LegendLayout;
import org.knowm.xchart.style.Styler.LegendPosition;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** {@code curves.png}: loss and accuracy over the epochs, side by side. */
final class CurvesPicture {
    private static final int WIDTH = 520;
    private static final int HEIGHT = 400;

    private CurvesPicture() {}

    /** @param history at least one epoch */
    static BufferedImage draw(List<EpochMetrics> history) {
        XYChart loss = chart("Loss", "cross-entropy", history);
        addSeries(loss, "training", history, EpochMetrics::trainingLoss, Pictures.BLUE);
        addSeries(loss, "validation", history, EpochMetrics::validationLoss, Pictures.ORANGE);
        loss.getStyler().setYAxisMin(0.0);
        XYChart accuracy = chart("Accuracy", "per cent", history);
        addSeries(accuracy, "training", history, m -> 100 * m.trainingAccuracy(), Pictures.BLUE);
        addSeries(accuracy, "validation", history, m -> 100 * m.validationAccuracy(), Pictures.ORANGE);
        accuracy.getStyler().setYAxisMax(100.0);
        return Pictures.paint(2 * WIDTH, HEIGHT, g -> {
            loss.paint(g, WIDTH, HEIGHT);
            g.translate(WIDTH, 0);
            accuracy.paint(g, WIDTH, HEIGHT);
        });
    }

    private static XYChart chart(String title, String unit, List<EpochMetrics> history) {
        XYChart chart = new XYChartBuilder()
                .width(WIDTH).height(HEIGHT).title(title).xAxisTitle("epoch").yAxisTitle(unit).build();
        int first = history.getFirst().epoch();
        int last = history.getLast().epoch();
        Pictures.style(chart.getStyler());
        chart.getStyler().setLegendPosition(LegendPosition.OutsideS).setLegendLayout(LegendLayout.Horizontal);
        chart.getStyler()
                .setPlotGridLinesColor(new Color(0xe4e4e4))
                .setXAxisMin(first - 1.0)
                .setXAxisMax((double) last)
                // Epochs are whole numbers, but the chart may set ticks between them.
                .setXAxisTickLabelsFormattingFunction(x -> x == Math.rint(x) ? Long.toString(Math.round(x)) : "");
        return chart;
    }

    /** Leaves a series out that has no value at all: validation, without a validation set. */
    private static void addSeries(
            XYChart chart, String name, List<EpochMetrics> history, ToDoubleFunction<EpochMetrics> value, Color color) {
        List<EpochMetrics> known = history.stream().filter(m -> Double.isFinite(value.applyAsDouble(m))).toList();
        if (known.isEmpty()) {
            return;
        }
        XYSeries series = chart.addSeries(
                name,
                known.stream().mapToDouble(EpochMetrics::epoch).toArray(),
                known.stream().mapToDouble(value).toArray());
        series.setLineColor(color);
        series.setLineStyle(new BasicStroke(2.2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        series.setMarker(SeriesMarkers.CIRCLE);
        series.setMarkerColor(color);
    }
}
