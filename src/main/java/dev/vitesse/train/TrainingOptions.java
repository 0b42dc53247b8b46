// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.OptimizerRule;

/**
 * How a model is trained. {@link #defaults} with the {@code with} methods gives what most want.
 *
 * @param epochs passes over the training set
 * @param batch images per step
 * @param optimizer the update rule, weight decay included
 * @param learningRate at the end of the warm-up
 * @param schedule the learning rate's course
 * @param warmup length of the warm-up, in epochs
 * @param clipNorm largest global gradient norm, 0 for no clipping
 * @param labelSmoothing at least 0 and below 1
 * @param patience epochs without a lower validation loss after which training stops and goes back to the best weights; 0
 *     for never
 * @param seed of the order of the data and of dropout
 */
public record TrainingOptions(
        int epochs,
        int batch,
        OptimizerRule optimizer,
        float learningRate,
        Schedule schedule,
        float warmup,
        float clipNorm,
        float labelSmoothing,
        int patience,
        long seed) {

    public TrainingOptions {
        require(epochs > 0, "epochs", epochs, "positive");
        require(batch > 0, "batch", batch, "positive");
        require(learningRate > 0 && Float.isFinite(learningRate), "learning rate", learningRate, "positive");
        require(warmup >= 0 && warmup <= epochs, "warm-up", warmup, "0 to the number of epochs");
        require(clipNorm >= 0, "clip norm", clipNorm, "at least 0");
        require(labelSmoothing >= 0 && labelSmoothing < 1, "label smoothing", labelSmoothing, "at least 0 and below 1");
        require(patience >= 0, "patience", patience, "at least 0");
    }

    private static void require(boolean condition, String what, Object value, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(what + " is " + value + "; it must be " + expected);
        }
    }

    /** AdamW at 2e-3 with decay 0.05, a fifth of an epoch of warm-up, then a cosine, batch 64, clipping at norm 1. */
    public static TrainingOptions defaults(int epochs) {
        return new TrainingOptions(
                epochs, 64, Optimizers.adamW(0.05f), 2e-3f, Schedule.COSINE, 0.2f, 1, 0, 0, 0);
    }

    public TrainingOptions withBatch(int value) {
        return new TrainingOptions(epochs, value, optimizer, learningRate, schedule, warmup, clipNorm, labelSmoothing,
                patience, seed);
    }

    public TrainingOptions withOptimizer(OptimizerRule rule, float rate) {
        return new TrainingOptions(epochs, batch, rule, rate, schedule, warmup, clipNorm, labelSmoothing, patience,
                seed);
    }

    public TrainingOptions withSchedule(Schedule value, float warmupEpochs) {
        return new TrainingOptions(epochs, batch, optimizer, learningRate, value, warmupEpochs, clipNorm,
                labelSmoothing, patience, seed);
    }

    public TrainingOptions withRegularization(float maxNorm, float smoothing) {
        return new TrainingOptions(epochs, batch, optimizer, learningRate, schedule, warmup, maxNorm, smoothing,
                patience, seed);
    }

    public TrainingOptions withPatience(int value) {
        return new TrainingOptions(epochs, batch, optimizer, learningRate, schedule, warmup, clipNorm, labelSmoothing,
                value, seed);
    }

    public TrainingOptions withSeed(long value) {
        return new TrainingOptions(epochs, batch, optimizer, learningRate, schedule, warmup, clipNorm, labelSmoothing,
                patience, value);
    }
}
