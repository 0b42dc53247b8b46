// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

/** The loss or the gradient became infinite or NaN; the model's weights are of no use any more. */
public class NonFiniteLossException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NonFiniteLossException(int epoch, int step, TrainingStep.Result result) {
        super("loss " + result.loss() + ", gradient norm " + result.gradientNorm() + " at step " + step + " (epoch "
                + epoch + "): lower the learning rate, lengthen the warm-up or clip the gradient");
    }
}
