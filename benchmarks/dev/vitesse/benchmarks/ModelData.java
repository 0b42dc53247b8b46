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

    /** About half a minute of the reference, for one image. */
    private static final double MOST_FLOPS = 4e10;

    /** Of a tensor's gradient. */
    static final int CHECKED_ELEMENTS = 4096;

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

    /**
     * How much of a model's workload the reference computes too.
     *
     * @param config the model, or one with its first blocks alone
     * @param images the first so many of a batch
     */
    record Checked(VitConfig config, int images) {
        /** Whether the reference computes a model of fewer blocks than the one that is measured. */
        boolean isPartOf(Workload workload) {
            return config.depth() < workload.config().depth();
        }
    }

    /** All images of a small model, one of a large model, and few blocks of one that would take minutes. */
    static Checked checked(Workload workload) {
        VitConfig config = workload.config();
        double each = workload.flops() / (double) workload.batch();
        int images = (int) Math.clamp(AFFORDABLE_FLOPS / each, 1, workload.batch());
        int blocks = each < MOST_FLOPS
                ? config.depth() : (int) Math.max(1, config.depth() * AFFORDABLE_FLOPS / each);
        return new Checked(config.toBuilder().depth(blocks).build(), images);
    }

    /** At most {@link #CHECKED_ELEMENTS} of {@code values}, at equal distances. */
    static float[] sample(float[] values) {
        int step = Math.ceilDiv(values.length, CHECKED_ELEMENTS);
        float[] sample = new float[Math.ceilDiv(values.length, step)];
        for (int i = 0; i < sample.length; i++) {
            sample[i] = values[i * step];
        }
        return sample;
    }
}
