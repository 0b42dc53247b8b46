// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

/**
 * One line of a run's history.
 *
 * @param epoch counted from 1
 * @param learningRate of the epoch's last step
 * @param trainingLoss mean over the epoch's examples, each before the step that used it
 * @param trainingAccuracy likewise
 * @param validationLoss after the epoch; NaN without a validation set
 * @param validationAccuracy after the epoch; NaN without a validation set
 * @param imagesPerSecond of the training steps, since the start or resumption
 */
public record EpochMetrics(
        int epoch,
        float learningRate,
        double trainingLoss,
        double trainingAccuracy,
        double validationLoss,
        double validationAccuracy,
        double imagesPerSecond) {}
