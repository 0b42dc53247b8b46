// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

/** Told of a run's progress, on the training thread. */
public interface TrainingListener {
    /**
     * After a step.
     *
     * @param epoch counted from 1
     * @param step of the epoch, counted from 1
     * @param steps in an epoch
     * @param loss of the step's batch
     * @param imagesPerSecond of the training steps since the start or resumption
     */
    default void step(int epoch, int step, int steps, float loss, double imagesPerSecond) {}

    /** After an epoch, its validation included. */
    default void epoch(EpochMetrics metrics) {}
}
