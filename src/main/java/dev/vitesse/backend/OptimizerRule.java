// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** The constants of an optimizer's update; what changes per step comes from the {@code schedule} tensor. */
public sealed interface OptimizerRule {
    /**
     * Adam (Kingma and Ba 2015, arXiv:1412.6980), with decoupled decay AdamW (Loshchilov and Hutter 2019,
     * arXiv:1711.05101).
     *
     * @param beta1 decay of the mean of gradients
     * @param beta2 decay of the mean of squared gradients
     * @param epsilon added to the root of the second moment
     * @param weightDecay for matrices only; whoever calls passes 0 for biases, norms, tokens and positions
     * @param decoupled true: decay acts on the weight (AdamW); false: it is added to the gradient
     */
    record Adam(float beta1, float beta2, float epsilon, float weightDecay, boolean decoupled)
            implements OptimizerRule {
        @Override
        public Adam withWeightDecay(float decay) {
            return new Adam(beta1, beta2, epsilon, decay, decoupled);
        }
    }

    /**
     * Stochastic gradient descent as PyTorch defines it: velocity = momentum velocity + gradient.
     *
     * @param momentum share of the velocity that is kept
     * @param weightDecay added to the gradient, for matrices only
     * @param nesterov looks one step ahead
     */
    record Sgd(float momentum, float weightDecay, boolean nesterov) implements OptimizerRule {
        @Override
        public Sgd withWeightDecay(float decay) {
            return new Sgd(momentum, decay, nesterov);
        }
    }

    float weightDecay();

    /** The same rule with another decay. */
    OptimizerRule withWeightDecay(float decay);
}
