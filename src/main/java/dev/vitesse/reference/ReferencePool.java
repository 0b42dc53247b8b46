// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

/** The mean of some tokens: pooled [B, D], x [B, T, D]. */
final class ReferencePool {
    private ReferencePool() {}

    /** pooled[b] = the mean of x[b, first .. first + count - 1]. */
    static void forward(ReferenceTensor pooled, ReferenceTensor x, int first, int count) {
        for (int b = 0; b < x.dim(0); b++) {
            for (int d = 0; d < x.dim(2); d++) {
                double sum = 0;
                for (int t = first; t < first + count; t++) {
                    sum += x.get(b, t, d);
                }
                pooled.set(sum / count, b, d);
            }
        }
    }

    /** dX = dPooled / count at the pooled tokens, 0 at the others. */
    static void backward(ReferenceTensor dX, ReferenceTensor dPooled, int first, int count) {
        for (int b = 0; b < dX.dim(0); b++) {
            for (int t = 0; t < dX.dim(1); t++) {
                boolean pooled = first <= t && t < first + count;
                for (int d = 0; d < dX.dim(2); d++) {
                    dX.set(pooled ? dPooled.get(b, d) / count : 0, b, t, d);
                }
            }
        }
    }
}
