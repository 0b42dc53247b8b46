// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import dev.vitesse.backend.OptimizerRule;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Gradient norm, clipping and the optimizers' updates. Bound by memory. */
final class CpuOptimizer {
    /** Elements of an item. */
    private static final int GRAIN = 8192;
    /** Squares that are added in single precision; the sums of such blocks are added in double. */
    private static final int SQUARES = 4096;

    private CpuOptimizer() {}

    /** sum[0] = the sum of the squares of x. */
    static Runnable sumOfSquares(CpuBackend backend, CpuTensor sum, CpuTensor x) {
        Split elements = Split.of(x.size(), GRAIN);
        double[] sums = new double[elements.count()];
        backend.reserveScratch(LANES);
        ThreadTeam.Task task = (item, worker) -> {
            double total = 0;
            int end = elements.end(item);
            for (int i = elements.first(item); i < end; i += SQUARES) {
                total += squares(x.floats(), x.offset() + i, Math.min(SQUARES, end - i), backend.scratch(worker));
            }
            sums[item] = total;
        };
        return () -> {
            backend.team().run(elements.count(), task);
            double total = 0;
            for (double part : sums) {
                total += part;
            }
            sum.floats()[sum.offset()] = (float) total;
        };
    }

    private static float squares(float[] x, int offset, int count, float[] scratch) {
        FloatVector even = broadcast(FLOATS, 0);
        FloatVector odd = broadcast(FLOATS, 0);
        int i = 0;
        for (; i <= count - 2 * LANES; i += 2 * LANES) {
            FloatVector a = fromArray(FLOATS, x, offset + i);
            FloatVector b = fromArray(FLOATS, x, offset + i + LANES);
            even = a.fma(a, even);
            odd = b.fma(b, odd);
        }
        even.add(odd).intoArray(scratch, 0);
        float total = Simd.sumLanes(scratch, 0);
        for (; i < count; i++) {
            total += x[offset + i] * x[offset + i];
        }
        return total;
    }

    /** clip = (norm, min(1, maxNorm / (norm + 1e-6))) with norm = sqrt(sum of sums). */
    static Runnable clipFactor(CpuTensor clip, CpuTensor sums, float maxNorm) {
        int count = sums.size();
        return () -> {
            double total = 0;
            for (int i = 0; i < count; i++) {
                total += sums.floats()[sums.offset() + i];
            }
            double norm = Math.sqrt(total);
            double factor = maxNorm == 0 ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
            clip.floats()[clip.offset()] = (float) norm;
            clip.floats()[clip.offset() + 1] = Double.isFinite(norm) ? (float) factor : Float.NaN;
        };
    }

    /** One step of Adam or AdamW. */
    static Runnable adam(
            CpuBackend backend, CpuTensor weight, CpuTensor m, CpuTensor v, CpuTensor gradient, CpuTensor schedule,
            CpuTensor clip, OptimizerRule.Adam rule) {
        Split elements = Split.of(weight.size(), GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            float[] s = schedule.floats();
            int first = elements.first(item);
            adam(weight.floats(), weight.offset() + first, m.floats(), m.offset() + first, v.floats(),
                    v.offset() + first, gradient.floats(), gradient.offset() + first, elements.end(item) - first,
                    s[schedule.offset()], s[schedule.offset() + 1], s[schedule.offset() + 2],
                    clip.floats()[clip.offset() + 1], rule);
        };
        return () -> backend.team().run(elements.count(), task);
    }

    /**
     * w = keep w - step m / (sqrt(v / c2) + epsilon).
     *
     * @param c1 1 - beta1^t
     * @param c2 1 - beta2^t
     */
    private static void adam(
            float[] w, int wOffset, float[] m, int mOffset, float[] v, int vOffset, float[] gradient, int gOffset,
            int count, float rate, float c1, float c2, float clip, OptimizerRule.Adam rule) {
        float added = rule.decoupled() ? 0 : rule.weightDecay();
        float keep = rule.decoupled() ? 1 - rate * rule.weightDecay() : 1;
        float step = -rate / c1;
        float beta1 = rule.beta1();
        float beta2 = rule.beta2();
        float epsilon = rule.epsilon();
        for (int i = 0; i < count; i += LANES) {
            VectorMask<Float> lanes = FLOATS.indexInRange(i, count);
            FloatVector weight = fromArray(FLOATS, w, wOffset + i, lanes);
            FloatVector g = fromArray(FLOATS, gradient, gOffset + i, lanes).mul(clip);
            g = weight.fma(broadcast(FLOATS, added), g);
            FloatVector mean = fromArray(FLOATS, m, mOffset + i, lanes).mul(beta1);
            mean = g.fma(broadcast(FLOATS, 1 - beta1), mean);
            FloatVector square = fromArray(FLOATS, v, vOffset + i, lanes).mul(beta2);
            square = g.mul(g).fma(broadcast(FLOATS, 1 - beta2), square);
            FloatVector root = square.div(c2).sqrt().add(epsilon);
            mean.intoArray(m, mOffset + i, lanes);
            square.intoArray(v, vOffset + i, lanes);
            mean.mul(step).div(root).add(weight.mul(keep)).intoArray(w, wOffset + i, lanes);
        }
    }

    /** One step of stochastic gradient descent. */
    static Runnable sgd(
            CpuBackend backend, CpuTensor weight, CpuTensor velocity, CpuTensor gradient, CpuTensor schedule,
            CpuTensor clip, OptimizerRule.Sgd rule) {
        Split elements = Split.of(weight.size(), GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            int first = elements.first(item);
            sgd(weight.floats(), weight.offset() + first, velocity.floats(), velocity.offset() + first,
                    gradient.floats(), gradient.offset() + first, elements.end(item) - first,
                    schedule.floats()[schedule.offset()], clip.floats()[clip.offset() + 1], rule);
        };
        return () -> backend.team().run(elements.count(), task);
    }

    private static void sgd(
            float[] w, int wOffset, float[] velocity, int vOffset, float[] gradient, int gOffset, int count, float rate,
            float clip, OptimizerRule.Sgd rule) {
        FloatVector momentum = broadcast(FLOATS, rule.momentum());
        for (int i = 0; i < count; i += LANES) {
            VectorMask<Float> lanes = FLOATS.indexInRange(i, count);
            FloatVector weight = fromArray(FLOATS, w, wOffset + i, lanes);
            FloatVector g = fromArray(FLOATS, gradient, gOffset + i, lanes).mul(clip);
            g = weight.fma(broadcast(FLOATS, rule.weightDecay()), g);
            FloatVector v = fromArray(FLOATS, velocity, vOffset + i, lanes).fma(momentum, g);
            v.intoArray(velocity, vOffset + i, lanes);
            FloatVector direction = rule.nesterov() ? v.fma(momentum, g) : v;
            direction.fma(broadcast(FLOATS, -rate), weight).intoArray(w, wOffset + i, lanes);
        }
    }
}
