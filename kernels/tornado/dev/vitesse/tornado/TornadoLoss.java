// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Softmax cross-entropy with label smoothing over logits [B, K], and its derivative. Small: bound by latency. */
final class TornadoLoss {
    private static final int LANES = 32;
    private static final int ROWS = 4;
    private static final int LOCAL = LANES * ROWS;

    private static final TornadoKernel COUNT = new TornadoKernel("count_labels", "countLabels", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoLoss::countLabels, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel CROSS_ENTROPY = new TornadoKernel("cross_entropy", "crossEntropy", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoLoss::crossEntropy, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel METRICS = new TornadoKernel("loss_metrics", "metrics", LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoLoss::metrics, a.context(), a.floats(), a.parameters(), a.slot()));

    private TornadoLoss() {}

    static void crossEntropy(
            Recording r, Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        int batch = logits.dim(0);
        int counts = r.scratch(1);
        int rows = r.scratch(2L * batch);
        r.launch(COUNT, 1, 1, 1, counts, r.at(labels), batch);
        r.launch(CROSS_ENTROPY, Math.ceilDiv(batch, ROWS), 1, 1, rows, r.at(dLogits), r.at(logits), r.at(labels), counts, batch,
                logits.dim(1), r.constants(smoothing));
        r.launch(METRICS, 1, 1, 1, r.at(metrics), rows, counts, batch);
    }

    /** counts[0] = the number of labels that are not negative. Parameters: counts, labels, B. One group. */
    static void countLabels(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int lane = context.localIdx;
        float count = 0f;
        for (int b = lane; b < p.get(o + 2); b += LOCAL) {
            if (ints.get(p.get(o + 1) + b) >= 0) {
                count = count + 1f;
            }
        }
        count = TornadoReduce.sum(context, 0, lane, LOCAL, count);
        if (lane == 0) {
            floats.set(p.get(o), count);
        }
    }

    /**
     * With the target distribution q = s / K everywhere and 1 - s more at the label,
     *
     * <pre>
     *   loss[b] = log sum exp(x) - sum q x
     *   dLogits[b, k] = (softmax(x)[k] - q[k]) / count, zero for a negative label
     *   hit[b] = whether the first of the largest logits is the label's
     * </pre>
     *
     * A group has ROWS rows with LANES work-items each. Parameters: rows [2, B] (loss and hit), dLogits or -1, logits, labels,
     * counts, B, K, s.
     */
    static void crossEntropy(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int batch = p.get(o + 5);
        int classes = p.get(o + 6);
        float smoothing = floats.get(p.get(o + 7));
        int lane = context.localIdx % LANES;
        int base = context.localIdx - lane;
        int item = context.groupIdx * ROWS + context.localIdx / LANES;
        int b = item;
        if (b > batch - 1) {
            b = batch - 1; // computed again but not stored, because every work-item must reach the barriers
        }
        int x = p.get(o + 2) + b * classes;
        int label = ints.get(p.get(o + 3) + b);
        float atLabel = 0f;
        if (label >= 0) {
            atLabel = floats.get(x + label);
        }
        float largest = TornadoAttention.LOWEST;
        float before = TornadoAttention.LOWEST; // the largest logit before the label's
        for (int k = lane; k < classes; k += LANES) {
            float logit = floats.get(x + k);
            largest = TornadoMath.max(largest, logit);
            if (k < label) {
                before = TornadoMath.max(before, logit);
            }
        }
        largest = TornadoReduce.max(context, base, lane, LANES, largest);
        before = TornadoReduce.max(context, base, lane, LANES, before);
        float exponentials = 0f;
        float sum = 0f;
        for (int k = lane; k < classes; k += LANES) {
            float difference = floats.get(x + k) - largest;
            exponentials = exponentials + TornadoMath.exp(difference);
            sum = sum + difference;
        }
        exponentials = TornadoReduce.sum(context, base, lane, LANES, exponentials);
        sum = TornadoReduce.sum(context, base, lane, LANES, sum);
        if (item < batch) {
            float perClass = smoothing / classes;
            if (p.get(o + 1) >= 0) {
                float inverseCount = 0f;
                if (label >= 0) {
                    inverseCount = 1f / floats.get(p.get(o + 4));
                }
                for (int k = lane; k < classes; k += LANES) {
                    float target = perClass;
                    if (k == label) {
                        target = target + 1f - smoothing;
                    }
                    float d = TornadoMath.exp(floats.get(x + k) - largest) / exponentials - target;
                    if (label < 0) {
                        d = 0f;
                    }
                    floats.set(p.get(o + 1) + b * classes + k, d * inverseCount);
                }
            }
            if (lane == 0) {
                float loss = TornadoMath.log(exponentials) - (1f - smoothing) * (atLabel - largest) - perClass * sum;
                float hit = 0f;
                if (atLabel >= largest && atLabel > before) {
                    hit = 1f;
                }
                if (label < 0) {
                    loss = 0f;
                    hit = 0f;
                }
                floats.set(p.get(o) + b, loss);
                floats.set(p.get(o) + batch + b, hit);
            }
        }
    }

    /** metrics = [sum of losses / count, sum of hits]; zero if nothing counts. Parameters: metrics, rows, counts, B. */
    static void metrics(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int lane = context.localIdx;
        int batch = p.get(o + 3);
        int rows = p.get(o + 1);
        float loss = 0f;
        float hits = 0f;
        for (int b = lane; b < batch; b += LOCAL) {
            loss = loss + floats.get(rows + b);
            hits = hits + floats.get(rows + batch + b);
        }
        loss = TornadoReduce.sum(context, 0, lane, LOCAL, loss);
        hits = TornadoReduce.sum(context, 0, lane, LOCAL, hits);
        if (lane == 0) {
            float count = floats.get(p.get(o + 2));
            float mean = 0f;
            if (count > 0f) {
                mean = loss / count;
            }
            floats.set(p.get(o), mean);
            floats.set(p.get(o) + 1, hits);
        }
    }
}
