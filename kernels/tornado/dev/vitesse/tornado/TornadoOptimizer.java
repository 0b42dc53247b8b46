// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import java.util.List;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Clipping and the optimizers' updates, elementwise and bound by memory. Calls of one kind that follow each other are one
 * launch over all their tensors: a table says where each lies, work-group (x, t) has every so-manyth run of LOCAL elements
 * of tensor t.
 */
final class TornadoOptimizer {
    private static final int LOCAL = 256;
    private static final int FINISH_LOCAL = 64;
    private static final int ELEMENTS_PER_GROUP = 1024;

    private static final TornadoKernel SQUARES = new TornadoKernel("square_sums", "squareSums", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::squareSums, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel ADD_SQUARES = new TornadoKernel("add_square_sums", "addSquareSums", FINISH_LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::addSquareSums, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel ADAM = new TornadoKernel("adam", "adam", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::adam, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel SGD = new TornadoKernel("sgd", "sgd", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::sgd, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel CLIP = new TornadoKernel("clip_factor", "clipFactor", 1, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::clipFactor, a.context(), a.floats(), a.parameters(), a.slot()));
    private static final TornadoKernel FILL = new TornadoKernel("fill", "fill", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoOptimizer::fill, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.FILL);

    private TornadoOptimizer() {}

    static void sumOfSquares(Recording r, Tensor sum, Tensor x) {
        r.batch("squares", row(r, 0, x, sum), rows -> {
            int groups = groups(rows, FINISH_LOCAL);
            int parts = r.scratch((long) groups * rows.size());
            int table = table(r, rows);
            r.launch(SQUARES, groups, rows.size(), 1, parts, table, groups);
            r.launch(ADD_SQUARES, 1, rows.size(), 1, parts, table, groups);
        });
    }

    static void adam(
            Recording r, Tensor weight, Tensor m, Tensor v, Tensor gradient, Tensor schedule, Tensor clip,
            OptimizerRule.Adam rule) {
        int scheduleAt = r.at(schedule);
        int clipAt = r.at(clip);
        List<Object> kind = List.of(rule.withWeightDecay(0), scheduleAt, clipAt);
        r.batch(kind, row(r, rule.weightDecay(), weight, m, v, gradient), rows -> {
            int groups = groups(rows, 256);
            int constants = r.constants(rule.beta1(), rule.beta2(), rule.epsilon());
            r.launch(ADAM, groups, rows.size(), 1, table(r, rows), groups, scheduleAt, clipAt, constants, decays(r, rows),
                    rule.decoupled() ? 1 : 0);
        });
    }

    static void sgd(
            Recording r, Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip,
            OptimizerRule.Sgd rule) {
        int scheduleAt = r.at(schedule);
        int clipAt = r.at(clip);
        List<Object> kind = List.of(rule.withWeightDecay(0), scheduleAt, clipAt);
        r.batch(kind, row(r, rule.weightDecay(), weight, velocity, gradient), rows -> {
            int groups = groups(rows, 256);
            r.launch(SGD, groups, rows.size(), 1, table(r, rows), groups, scheduleAt, clipAt,
                    r.constants(rule.momentum()), decays(r, rows), rule.nesterov() ? 1 : 0);
        });
    }

    static void clipFactor(Recording r, Tensor clip, Tensor sums, float maxNorm) {
        r.launch(CLIP, 1, 1, 1, r.at(clip), r.at(sums), (int) sums.elements(), r.constants(maxNorm));
    }

    static void fill(Recording r, Tensor x, float value) {
        r.launchOver(FILL, x.elements(), r.at(x), (int) x.elements(), r.constants(value));
    }

    private static Recording.BatchRow row(Recording r, float decay, Tensor... tensors) {
        int[] starts = new int[tensors.length];
        int[] elements = new int[tensors.length];
        for (int i = 0; i < tensors.length; i++) {
            starts[i] = r.at(tensors[i]);
            elements[i] = (int) tensors[i].elements();
        }
        return new Recording.BatchRow(starts, elements, decay);
    }

    private static int groups(List<Recording.BatchRow> rows, int most) {
        int largest = rows.stream().mapToInt(row -> row.elements()[0]).max().orElse(0);
        return Math.clamp(Math.ceilDiv(largest, ELEMENTS_PER_GROUP), 1, most);
    }

    /** For each call: the number of elements, then where each tensor starts. */
    private static int table(Recording r, List<Recording.BatchRow> rows) {
        int columns = rows.getFirst().starts().length + 1;
        int[] table = new int[rows.size() * columns];
        for (int i = 0; i < rows.size(); i++) {
            table[i * columns] = rows.get(i).elements()[0];
            System.arraycopy(rows.get(i).starts(), 0, table, i * columns + 1, columns - 1);
        }
        return r.table(table);
    }

    private static int decays(Recording r, List<Recording.BatchRow> rows) {
        float[] decays = new float[rows.size()];
        for (int i = 0; i < decays.length; i++) {
            decays[i] = rows.get(i).decay();
        }
        return r.constants(decays);
    }

    /** parts[t, group] = sum of x^2 over the group's share. Parameters: parts, table [elements, x, sum], groups. */
    static void squareSums(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int lane = context.localIdx;
        int groups = p.get(o + 2);
        int row = p.get(o + 1) + 3 * context.groupIdy;
        int count = ints.get(row);
        int x = ints.get(row + 1);
        float sum = 0f;
        for (int i = context.groupIdx * LOCAL + lane; i < count; i += groups * LOCAL) {
            float value = floats.get(x + i);
            sum = sum + value * value;
        }
        sum = TornadoReduce.sum(context, 0, lane, LOCAL, sum);
        if (lane == 0) {
            floats.set(p.get(o) + context.groupIdy * groups + context.groupIdx, sum);
        }
    }

    /** sum[t] = the sum of parts[t, :]; parameters as for squareSums, one group of FINISH_LOCAL for each t. */
    static void addSquareSums(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int lane = context.localIdx;
        int groups = p.get(o + 2);
        float sum = 0f;
        if (lane < groups) {
            sum = floats.get(p.get(o) + context.groupIdy * groups + lane);
        }
        sum = TornadoReduce.sum(context, 0, lane, FINISH_LOCAL, sum);
        if (lane == 0) {
            floats.set(ints.get(p.get(o + 1) + 3 * context.groupIdy + 2), sum);
        }
    }

    /**
     * clip = [norm, factor]: norm = sqrt(sum of sums), factor = min(1, maxNorm / (norm + 1e-6)), 1 if maxNorm is 0, NaN if
     * the norm is not finite. Parameters: clip, sums, their number, maxNorm. One work-item: there are as many sums as
     * parameter tensors.
     */
    static void clipFactor(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int sums = p.get(o + 1);
        float sum = 0f;
        for (int i = 0; i < p.get(o + 2); i++) {
            sum = sum + floats.get(sums + i);
        }
        float norm = TornadoMath.sqrt(sum);
        float most = floats.get(p.get(o + 3));
        float factor = 1f;
        if (most > 0f && most < norm + 1e-6f) {
            factor = most / (norm + 1e-6f);
        }
        floats.set(p.get(o), norm);
        floats.set(p.get(o) + 1, factor + (norm - norm)); // which is NaN for infinity and NaN
    }

    /**
     * g = clip[1] gradient (+ decay weight if not decoupled); m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; weight =
     * weight (1 - rate decay if decoupled) - rate (m / c1) / (sqrt(v / c2) + epsilon). Parameters: table [elements, weight,
     * m, v, gradient], groups, schedule, clip, constants (b1, b2, epsilon), decays,
     * whether decoupled.
     */
    static void adam(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int decoupled = p.get(o + 6);
        int row = p.get(o) + 5 * context.groupIdy;
        int count = ints.get(row);
        int weight = ints.get(row + 1);
        int m = ints.get(row + 2);
        int v = ints.get(row + 3);
        int gradient = ints.get(row + 4);
        float rate = floats.get(p.get(o + 2));
        float c1 = floats.get(p.get(o + 2) + 1);
        float c2 = floats.get(p.get(o + 2) + 2);
        float clip = floats.get(p.get(o + 3) + 1);
        float b1 = floats.get(p.get(o + 4));
        float b2 = floats.get(p.get(o + 4) + 1);
        float epsilon = floats.get(p.get(o + 4) + 2);
        float decay = floats.get(p.get(o + 5) + context.groupIdy);
        for (int i = context.globalIdx; i < count; i += p.get(o + 1) * LOCAL) {
            float w = floats.get(weight + i);
            float g = clip * floats.get(gradient + i);
            if (decoupled == 0) {
                g = g + decay * w;
            }
            float mean = b1 * floats.get(m + i) + (1f - b1) * g;
            float square = b2 * floats.get(v + i) + (1f - b2) * g * g;
            floats.set(m + i, mean);
            floats.set(v + i, square);
            if (decoupled == 1) {
                w = w * (1f - rate * decay);
            }
            floats.set(weight + i, w - rate * (mean / c1) / (TornadoMath.sqrt(square / c2) + epsilon));
        }
    }

    /**
     * g = clip[1] gradient + decay weight; velocity = momentum velocity + g; weight -= rate velocity, or with Nesterov's
     * look-ahead rate (g + momentum velocity). Parameters: table [elements, weight, velocity, gradient], groups, schedule,
     * clip, momentum, decays, whether Nesterov's.
     */
    static void sgd(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int nesterov = p.get(o + 6);
        int row = p.get(o) + 4 * context.groupIdy;
        int count = ints.get(row);
        int weight = ints.get(row + 1);
        int velocity = ints.get(row + 2);
        int gradient = ints.get(row + 3);
        float rate = floats.get(p.get(o + 2));
        float clip = floats.get(p.get(o + 3) + 1);
        float momentum = floats.get(p.get(o + 4));
        float decay = floats.get(p.get(o + 5) + context.groupIdy);
        for (int i = context.globalIdx; i < count; i += p.get(o + 1) * LOCAL) {
            float w = floats.get(weight + i);
            float g = clip * floats.get(gradient + i) + decay * w;
            float speed = momentum * floats.get(velocity + i) + g;
            floats.set(velocity + i, speed);
            float direction = speed;
            if (nesterov == 1) {
                direction = g + momentum * speed;
            }
            floats.set(weight + i, w - rate * direction);
        }
    }

    /** x = value. Parameters: x, elements, value. */
    static void fill(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 1); i += context.globalGroupSizeX) {
            floats.set(p.get(o) + i, floats.get(p.get(o + 2)));
        }
    }
}
