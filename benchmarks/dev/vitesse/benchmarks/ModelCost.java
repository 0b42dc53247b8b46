// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.model.VitConfig;

/** What a model's passes cost at least, counted from its configuration. */
final class ModelCost {
    /** A backward pass has two products for each one of the forward pass. */
    private static final int TRAINING_FACTOR = 3;

    /** Weights read and written, gradients, two moments read and written. */
    private static final int TRAINING_WEIGHT_PASSES = 8;

    private ModelCost() {}

    /** Additions and multiplications of the matrix products of one image's forward pass; all else is a few percent. */
    static long forwardFlops(VitConfig c) {
        long tokens = c.tokens();
        long patches = 2L * c.patches() * c.channels() * c.patchSize() * c.patchSize() * c.width();
        long attention = 2 * tokens * c.width() * 4 * c.attentionWidth() + 4 * tokens * tokens * c.attentionWidth();
        long mlp = 4 * tokens * c.width() * c.mlpWidth();
        return patches + c.depth() * (attention + mlp) + 2L * c.width() * c.classes();
    }

    /** Those of a training step with one image. */
    static long trainingFlops(VitConfig c) {
        return TRAINING_FACTOR * forwardFlops(c);
    }

    /** Bytes that inference has to move at least if all activations stay in caches: weights, images, logits. */
    static long inferenceBytes(VitConfig c, int batch) {
        return Float.BYTES * (c.parameterCount() + (long) batch * (c.imageElements() + c.classes()));
    }

    /** Likewise for a training step with AdamW. */
    static long trainingBytes(VitConfig c, int batch) {
        return Float.BYTES * (TRAINING_WEIGHT_PASSES * c.parameterCount() + (long) batch * c.imageElements());
    }
}
