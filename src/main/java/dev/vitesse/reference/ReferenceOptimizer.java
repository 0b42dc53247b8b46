// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.OptimizerRule;

/** Gradient clipping and the optimizers' steps; schedule = (rate, c1, c2), clip = (norm, factor). */
final class ReferenceOptimizer {
    private ReferenceOptimizer() {}

    static void sumOfSquares(ReferenceTensor sum, ReferenceTensor x) {
        double squares = 0;
        for (int i = 0; i < x.elements(); i++) {
            squares += x.get(i) * x.get(i);
        }
        sum.set(squares, 0);
    }

    static void clipFactor(ReferenceTensor clip, ReferenceTensor sums, double maxNorm) {
        double sum = 0;
        for (int i = 0; i < sums.elements(); i++) {
            sum += sums.get(i);
        }
        double norm = Math.sqrt(sum);
        clip.set(norm, 0);
        double factor = maxNorm == 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
        clip.set(Double.isFinite(norm) ? factor : Double.NaN, 1);
    }

    static void adam(
            ReferenceTensor weight,
            ReferenceTensor m,
            ReferenceTensor v,
            ReferenceTensor gradient,
            ReferenceTensor schedule,
            ReferenceTensor clip,
            OptimizerRule.Adam rule) {
        double rate = schedule.get(0);
        double c1 = schedule.get(1);
        double c2 = schedule.get(2);
        double b1 = rule.beta1();
        double b2 = rule.beta2();
        double decay = rule.weightDecay();
        for (int i = 0; i < weight.elements(); i++) {
            double w = weight.get(i);
            double g = clip.get(1) * gradient.get(i) + (rule.decoupled() ? 0 : decay * w);
            m.set(b1 * m.get(i) + (1 - b1) * g, i);
            v.set(b2 * v.get(i) + (1 - b2) * g * g, i);
            double step = rate * (m.get(i) / c1) / (Math.sqrt(v.get(i) / c2) + rule.epsilon());
            weight.set(w * (1 - (rule.decoupled() ? rate * decay : 0)) - step, i);
        }
    }

    static void sgd(
            ReferenceTensor weight,
            ReferenceTensor velocity,
            ReferenceTensor gradient,
            ReferenceTensor schedule,
            ReferenceTensor clip,
            OptimizerRule.Sgd rule) {
        double rate = schedule.get(0);
        double momentum = rule.momentum();
        for (int i = 0; i < weight.elements(); i++) {
            double g = clip.get(1) * gradient.get(i) + rule.weightDecay() * weight.get(i);
            velocity.set(momentum * velocity.get(i) + g, i);
            double direction = rule.nesterov() ? g + momentum * velocity.get(i) : velocity.get(i);
            weight.set(weight.get(i) - rate * direction, i);
        }
    }
}
