// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

/** How the learning rate goes over a training run; all rise linearly from 0 during the warm-up. */
public enum Schedule {
    CONSTANT {
        @Override
        double factorAfterWarmup(double progress) {
            return 1;
        }
    },
    /** Half a cosine down to zero (Loshchilov and Hutter 2017, arXiv:1608.03983). */
    COSINE {
        @Override
        double factorAfterWarmup(double progress) {
            return 0.5 * (1 + Math.cos(Math.PI * progress));
        }
    },
    /** A tenth after half of the steps that follow the warm-up, a hundredth after three quarters. */
    STEP {
        @Override
        double factorAfterWarmup(double progress) {
            return progress < 0.5 ? 1 : progress < 0.75 ? 0.1 : 0.01;
        }
    };

    /** @param progress 0 at the end of the warm-up, 1 at the end of the run */
    abstract double factorAfterWarmup(double progress);

    /**
     * The learning rate of a step.
     *
     * @param peak the rate at the end of the warm-up
     * @param step 1 to {@code steps}
     * @param warmupSteps steps of the warm-up, at least 0
     * @param steps steps of the whole run
     */
    public float rate(float peak, int step, int warmupSteps, int steps) {
        if (step <= warmupSteps) {
            return (float) (peak * (double) step / warmupSteps);
        }
        double progress = (step - 1 - warmupSteps) / (double) Math.max(1, steps - warmupSteps);
        return (float) (peak * factorAfterWarmup(progress));
    }
}
