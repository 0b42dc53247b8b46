// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import java.util.Comparator;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * A class that a model takes an image for.
 *
 * @param index of the class, 0 to K - 1
 * @param label its name, or its number where the model's files name no classes
 * @param probability the softmax of the logits at {@code index}
 */
public record Prediction(int index, String label, double probability) {
    /** The {@code top} likeliest classes, best first; those that are equally likely in the order of their numbers. */
    static List<Prediction> likeliest(float[] logits, int offset, int classes, int top, IntFunction<String> label) {
        double[] probabilities = softmax(logits, offset, classes);
        return IntStream.range(0, classes).boxed()
                .sorted(Comparator.comparingDouble((Integer k) -> -probabilities[k]))
                .limit(top)
                .map(k -> new Prediction(k, label.apply(k), probabilities[k]))
                .toList();
    }

    private static double[] softmax(float[] logits, int offset, int count) {
        double max = Double.NEGATIVE_INFINITY;
        for (int k = 0; k < count; k++) {
            max = Math.max(max, logits[offset + k]);
        }
        double[] weights = new double[count];
        double sum = 0;
        for (int k = 0; k < count; k++) {
            weights[k] = Math.exp(logits[offset + k] - max);
            sum += weights[k];
        }
        for (int k = 0; k < count; k++) {
            weights[k] /= sum;
        }
        return weights;
    }
}
