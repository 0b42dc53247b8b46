// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.util.function.IntConsumer;

/**
 * How a model does on a data set.
 *
 * @param loss mean cross-entropy
 * @param confusion [label][prediction], numbers of examples
 * @param predictions the class with the largest logit for every example, in the data set's order
 */
public record Evaluation(double loss, int[][] confusion, int[] predictions) {

    /** Runs {@code model} over {@code dataset}. */
    public static Evaluation of(VisionTransformer model, Dataset dataset, int batch) {
        return of(model, dataset, batch, count -> {});
    }

    /**
     * The same, telling after each batch how many examples it had.
     *
     * @param progress takes the number of examples of the batch that is done
     */
    public static Evaluation of(VisionTransformer model, Dataset dataset, int batch, IntConsumer progress) {
        try (Inference inference = model.inference(Math.min(batch, dataset.size()))) {
            return of(inference, model.config(), dataset, progress);
        }
    }

    /** Runs an already recorded pass over {@code dataset}. */
    static Evaluation of(Inference inference, VitConfig config, Dataset dataset, IntConsumer progress) {
        int classes = config.classes();
        int[][] confusion = new int[classes][classes];
        int[] predictions = new int[dataset.size()];
        double loss = 0;
        for (int first = 0; first < dataset.size(); first += inference.batch()) {
            int count = Math.min(inference.batch(), dataset.size() - first);
            float[] images = new float[count * config.imageElements()];
            for (int i = 0; i < count; i++) {
                dataset.read(first + i, 0, images, i * config.imageElements());
            }
            float[] logits = inference.logits(images, count);
            for (int i = 0; i < count; i++) {
                int label = dataset.label(first + i);
                int prediction = largest(logits, i * classes, classes);
                predictions[first + i] = prediction;
                confusion[label][prediction]++;
                loss += logSumExp(logits, i * classes, classes) - logits[i * classes + label];
            }
            progress.accept(count);
        }
        return new Evaluation(loss / dataset.size(), confusion, predictions);
    }

    /** The share of examples classified correctly. */
    public double accuracy() {
        long correct = 0;
        for (int k = 0; k < confusion.length; k++) {
            correct += confusion[k][k];
        }
        return correct / (double) predictions.length;
    }

    /** Of the examples predicted as class {@code k}, the share that are; NaN if none were predicted. */
    public double precision(int k) {
        long predicted = 0;
        for (int[] row : confusion) {
            predicted += row[k];
        }
        return confusion[k][k] / (double) predicted;
    }

    /** Of the examples of class {@code k}, the share that was found; NaN if there are none. */
    public double recall(int k) {
        long actual = 0;
        for (int count : confusion[k]) {
            actual += count;
        }
        return confusion[k][k] / (double) actual;
    }

    private static int largest(float[] values, int offset, int count) {
        int best = 0;
        for (int i = 1; i < count; i++) {
            if (values[offset + i] > values[offset + best]) {
                best = i;
            }
        }
        return best;
    }

    private static double logSumExp(float[] values, int offset, int count) {
        double max = values[offset + largest(values, offset, count)];
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Math.exp(values[offset + i] - max);
        }
        return max + Math.log(sum);
    }
}
