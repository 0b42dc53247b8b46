// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.OptimizerRule;

/** The optimizers by name, with the constants that are usual for Vision Transformers. */
public final class Optimizers {
    private Optimizers() {}

    /** AdamW with beta 0.9 and 0.999. */
    public static OptimizerRule.Adam adamW(float weightDecay) {
        return new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, weightDecay, true);
    }

    /** Adam with beta 0.9 and 0.999; decay, if any, is added to the gradient. */
    public static OptimizerRule.Adam adam(float weightDecay) {
        return new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, weightDecay, false);
    }

    /** Stochastic gradient descent with momentum 0.9. */
    public static OptimizerRule.Sgd sgd(float weightDecay) {
        return new OptimizerRule.Sgd(0.9f, weightDecay, false);
    }

    /**
     * The optimizer called {@code name}: adamw, adam or sgd.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    public static OptimizerRule named(String name, float weightDecay) {
        return switch (name) {
            case "adamw" -> adamW(weightDecay);
            case "adam" -> adam(weightDecay);
            case "sgd" -> sgd(weightDecay);
            default -> throw new IllegalArgumentException(
                    "unknown optimizer '" + name + "': use one of adamw, adam, sgd");
        };
    }

    /** The name under which {@link #named} makes such a rule. */
    public static String nameOf(OptimizerRule rule) {
        return switch (rule) {
            case OptimizerRule.Adam adam -> adam.decoupled() ? "adamw" : "adam";
            case OptimizerRule.Sgd sgd -> "sgd";
        };
    }
}
