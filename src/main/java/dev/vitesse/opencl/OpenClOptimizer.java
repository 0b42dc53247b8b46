// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;

/** Clipping, the optimizers' updates, and filling; kernels in {@code optimizer.cl}. */
final class OpenClOptimizer {
    private static final String FILE = "optimizer";

    private OpenClOptimizer() {}

    static void clipFactor(Recording r, Tensor clip, Tensor sums, float maxNorm) {
        r.kernel(FILE, "clip_factor", 1).tensors(clip, sums).with(sums.dim(0)).with(maxNorm).over(1, 1);
    }

    static void adam(
            Recording r,
            Tensor weight,
            Tensor m,
            Tensor v,
            Tensor gradient,
            Tensor schedule,
            Tensor clip,
            OptimizerRule.Adam rule) {
        int vector = r.vector(weight.elements(), weight, m, v, gradient);
        long vectors = weight.elements() / vector;
        r.kernel(FILE, "adam", vector)
                .tensors(weight, m, v, gradient, schedule, clip).with((int) vectors)
                .with(rule.beta1()).with(rule.beta2()).with(rule.epsilon())
                .with(rule.decoupled() ? 0 : rule.weightDecay())
                .with(rule.decoupled() ? rule.weightDecay() : 0)
                .over(r.tuning().get("elementwise.ITEMS"), vectors);
    }

    static void sgd(
            Recording r,
            Tensor weight,
            Tensor velocity,
            Tensor gradient,
            Tensor schedule,
            Tensor clip,
            OptimizerRule.Sgd rule) {
        int vector = r.vector(weight.elements(), weight, velocity, gradient);
        long vectors = weight.elements() / vector;
        r.kernel(FILE, "sgd", vector)
                .tensors(weight, velocity, gradient, schedule, clip).with((int) vectors)
                .with(rule.momentum()).with(rule.weightDecay()).with(rule.nesterov() ? 1 : 0)
                .over(r.tuning().get("elementwise.ITEMS"), vectors);
    }

    static void fill(Recording r, Tensor x, float value) {
        int vector = r.vector(x.elements(), x);
        long vectors = x.elements() / vector;
        r.kernel(FILE, "fill", vector).tensors(x).with((int) vectors).with(value)
                .over(r.tuning().get("elementwise.ITEMS"), vectors);
    }
}
