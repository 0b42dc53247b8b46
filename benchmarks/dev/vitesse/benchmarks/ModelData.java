// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.model.VitConfig;
import java.util.SplittableRandom;

/** What a model's workloads work on: every process draws the same. */
final class ModelData {
    static final String IMAGES = "images";
    static final String LABELS = "labels";

    /** Of the weights. */
    static final long SEED = 42;

    /** About three seconds of the reference, which does nothing fast. */
    private static final double AFFORDABLE_FLOPS = 3e9;

    private ModelData() {}

    /** Uniform with the variance of normalised images, [B, C, S, S]. */
    static float[] images(VitConfig config, int batch) {
        SplittableRandom random = new SplittableRandom(SEED);
        float[] images = new float[Math.multiplyExact(batch, config.imageElements())];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextDouble(-Math.sqrt(3), Math.sqrt(3));
        }
        return images;
    }

    static int[] labels(VitConfig config, int batch) {
        return new SplittableRandom(SEED + 1).ints(batch, 0, config.classes()).toArray();
    }

    /** How many of a batch's images the reference computes too. */
    static int checkedImages(Workload workload) {
        double each = workload.flops() / (double) workload.batch();
        return (int) Math.clamp(AFFORDABLE_FLOPS / each, 1, workload.batch());
    }
}
