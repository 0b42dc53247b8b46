// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.io.AtomicFiles;
import dev.vitesse.train.EpochMetrics;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** {@code metrics.csv}: one line per epoch, values that were not measured left empty. */
final class MetricsCsv {
    private static final String HEADER = "epoch,learning_rate,training_loss,training_accuracy,validation_loss,"
            + "validation_accuracy,images_per_second\n";

    private MetricsCsv() {}

    static void write(Path path, List<EpochMetrics> history) throws IOException {
        StringBuilder text = new StringBuilder(HEADER);
        for (EpochMetrics m : history) {
            text.append(m.epoch()).append(',').append(m.learningRate());
            append(text, m.trainingLoss(), 6);
            append(text, m.trainingAccuracy(), 6);
            append(text, m.validationLoss(), 6);
            append(text, m.validationAccuracy(), 6);
            append(text, m.imagesPerSecond(), 1);
            text.append('\n');
        }
        AtomicFiles.write(path, text.toString());
    }

    private static void append(StringBuilder text, double value, int digits) {
        text.append(',');
        if (Double.isFinite(value)) {
            text.append(String.format(Locale.ROOT, "%." + digits + "f", value));
        }
    }
}
