// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Softmax cross-entropy with label smoothing: logits [B, K], labels [B]. */
final class ReferenceLoss {
    private ReferenceLoss() {}

    static void crossEntropy(
            ReferenceTensor metrics,
            @Nullable ReferenceTensor dLogits,
            ReferenceTensor logits,
            ReferenceTensor labels,
            double smoothing) {
        int classes = logits.dim(1);
        long counted = IntStream.range(0, logits.dim(0)).filter(b -> labels.getInt(b) >= 0).count();
        double loss = 0;
        int correct = 0;
        for (int b = 0; b < logits.dim(0); b++) {
            int label = labels.getInt(b);
            double[] row = logits.slice(b).toDoubles();
            double lse = ReferenceAttention.logSumExp(row);
            for (int k = 0; k < classes; k++) {
                double target = smoothing / classes + (k == label ? 1 - smoothing : 0);
                double logProbability = row[k] - lse;
                if (label >= 0) {
                    loss -= target * logProbability / counted;
                }
                if (dLogits != null) {
                    dLogits.set(label < 0 ? 0 : (Math.exp(logProbability) - target) / counted, b, k);
                }
            }
            if (label >= 0 && argmax(row) == label) {
                correct++;
            }
        }
        metrics.set(loss, 0);
        metrics.set(correct, 1);
    }

    /** The first of the largest elements. */
    private static int argmax(double... row) {
        int best = 0;
        for (int k = 1; k < row.length; k++) {
            if (row[k] > row[best]) {
                best = k;
            }
        }
        return best;
    }
}
