// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Dropout;
import org.jspecify.annotations.Nullable;

/** The end of a residual branch; all of y, branch and residual are [B, ..., D]. */
final class ReferenceResidual {
    private ReferenceResidual() {}

    /** y = residual + drop(scale branch). */
    static void forward(
            ReferenceTensor y,
            ReferenceTensor branch,
            @Nullable ReferenceTensor residual,
            @Nullable ReferenceTensor scale,
            Dropout dropout,
            @Nullable ReferenceTensor random) {
        int width = y.dim(-1);
        for (int i = 0; i < y.elements(); i++) {
            double scaled = (scale == null ? 1 : scale.get(i % width)) * branch.get(i);
            y.set((residual == null ? 0 : residual.get(i)) + keep(dropout, random, y, i) * scaled, i);
        }
    }

    /** dBranch = scale drop(dY), dScale = sum of drop(dY) branch over all rows. */
    static void backward(
            ReferenceTensor dBranch,
            @Nullable ReferenceTensor dScale,
            ReferenceTensor dY,
            @Nullable ReferenceTensor branch,
            @Nullable ReferenceTensor scale,
            Dropout dropout,
            @Nullable ReferenceTensor random) {
        int width = dY.dim(-1);
        if (dScale != null) {
            dScale.fill(0);
        }
        for (int i = 0; i < dY.elements(); i++) {
            double dropped = keep(dropout, random, dY, i) * dY.get(i);
            if (dScale != null) {
                dScale.set(dScale.get(i % width) + dropped * branch.get(i), i % width);
            }
            dBranch.set((scale == null ? 1 : scale.get(i % width)) * dropped, i);
        }
    }

    /** The factor of element i: 0 if it or its batch entry is dropped, else the inverse of the shares kept. */
    private static double keep(Dropout dropout, @Nullable ReferenceTensor random, ReferenceTensor y, int i) {
        if (dropout.dropsNothing()) {
            return 1;
        }
        int seed = random.getInt(0);
        int step = random.getInt(1);
        int entry = (int) (i / (y.elements() / y.dim(0)));
        boolean kept = Dropout.keeps(
                        i, Dropout.key(seed, step, 2 * dropout.site()), Dropout.threshold(dropout.rate()))
                && Dropout.keeps(
                        entry, Dropout.key(seed, step, 2 * dropout.site() + 1), Dropout.threshold(dropout.pathRate()));
        return kept ? 1 / ((1 - (double) dropout.rate()) * (1 - (double) dropout.pathRate())) : 0;
    }
}
