// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static dev.vitesse.tornado.TornadoAttention.MOST_COLUMNS;
import static dev.vitesse.tornado.TornadoAttention.PITCH;
import static dev.vitesse.tornado.TornadoAttention.SIDE;

import dev.vitesse.backend.Tensor;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The derivative of attention, with the probabilities computed again from logSumExp, in blocks of SIDE x SIDE scores: one for
 * each work-item of a group. One kernel has a block of queries and lets keys pass by, the other the reverse, so that
 * nothing is added up by several groups.
 *
 * <pre>
 *   P = exp(S - logSumExp),  dP = dContext v^T,  delta = rowsum(dContext context),  dS = P (dP - delta)
 *   dq = dS k / sqrt(A),  dk = dS^T q / sqrt(A),  dv = P^T dContext
 * </pre>
 */
final class TornadoAttentionBackward {
    private static final int SCORE_PITCH = SIDE + 1;
    private static final TornadoKernel DELTA = new TornadoKernel("attention_delta", "delta", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoAttentionBackward::delta, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.ATTENTION_DELTA);

    private TornadoAttentionBackward() {}

    static void backward(
            Recording r, Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        int tokens = context.dim(1);
        int headWidth = TornadoAttention.headWidth(context, heads);
        int columns = TornadoAttention.columns(headWidth);
        int count = (int) logSumExp.elements();
        int delta = r.scratch(count);
        int scale = r.constants((float) (1 / Math.sqrt(headWidth)));
        r.launchOver(DELTA, count, delta, r.at(dContext), r.at(context), count, tokens, heads, headWidth);
        TornadoKernel query = new TornadoKernel("attention_backward_query_" + SIDE * columns, "query", SIDE, SIDE, (id, a) ->
                TaskPackage.createPackage(id, TornadoAttentionBackward::query, a.context(), a.floats(), a.parameters(),
                        a.slot(), columns));
        TornadoKernel keyValue = new TornadoKernel("attention_backward_key_value_" + SIDE * columns, "keyValue", SIDE, SIDE, (id, a) ->
                TaskPackage.createPackage(id, TornadoAttentionBackward::keyValue, a.context(), a.floats(), a.parameters(),
                        a.slot(), columns));
        for (TornadoKernel kernel : new TornadoKernel[] {query, keyValue}) {
            r.launch(kernel, Math.ceilDiv(tokens, SIDE), (long) context.dim(0) * heads, 1, r.at(dQkv), r.at(dContext),
                    r.at(qkv), r.at(logSumExp), delta, tokens, heads, headWidth, scale);
        }
    }

    /**
     * delta[b, h, t] = sum over a of dContext context. Parameters: delta, dContext, context, elements of delta, tokens,
     * heads, A. One work-item per (b, t, h).
     */
    static void delta(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 3); i += context.globalGroupSizeX) {
            int tokens = p.get(o + 4);
            int heads = p.get(o + 5);
            int headWidth = p.get(o + 6);
            int dContext = p.get(o + 1) + i * headWidth;
            int forward = p.get(o + 2) + i * headWidth;
            float sum = 0f;
            for (int a = 0; a < headWidth; a++) {
                sum = sum + floats.get(dContext + a) * floats.get(forward + a);
            }
            int head = i % heads;
            int token = i / heads % tokens;
            int image = i / heads / tokens;
            floats.set(p.get(o) + (image * heads + head) * tokens + token, sum);
        }
    }

    /** dq of a block of queries. Parameters: dQkv, dContext, qkv, logSumExp, delta, tokens, heads, A, 1 / sqrt(A). */
    static void query(KernelContext context, FloatArray floats, IntArray p, IntArray slot, int columns) {
        float[] query = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] dResult = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] key = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] value = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] dScores = context.allocateFloatLocalArray(SIDE * SCORE_PITCH);
        int o = slot.get(0);
        int tokens = p.get(o + 5);
        int heads = p.get(o + 6);
        int headWidth = p.get(o + 7);
        int padded = SIDE * columns;
        float scale = floats.get(p.get(o + 8));
        int x = context.localIdx;
        int y = context.localIdy;
        int item = y * SIDE + x;
        int first = context.groupIdx * SIDE;
        int image = context.groupIdy / heads;
        int head = context.groupIdy % heads;
        int width = heads * headWidth;
        int place = image * tokens * 3 * width + head * headWidth;
        int q = p.get(o + 2) + place;
        int dContext = p.get(o + 1) + image * tokens * width + head * headWidth;
        for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
            query[v / padded * PITCH + v % padded] =
                    TornadoAttention.element(floats, q, first + v / padded, tokens, 3 * width, v % padded, headWidth);
        }
        for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
            dResult[v / padded * PITCH + v % padded] =
                    TornadoAttention.element(floats, dContext, first + v / padded, tokens, width, v % padded, headWidth);
        }
        int row = first + y;
        if (row > tokens - 1) {
            row = tokens - 1; // a row past the last is computed and not stored
        }
        float lse = floats.get(p.get(o + 3) + context.groupIdy * tokens + row);
        float delta = floats.get(p.get(o + 4) + context.groupIdy * tokens + row);
        float[] sums = new float[MOST_COLUMNS];
        for (int n = 0; n < MOST_COLUMNS; n++) {
            sums[n] = 0f;
        }
        for (int start = 0; start < tokens; start += SIDE) {
            context.localBarrier(); // the block before has been used
            for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
                key[v / padded * PITCH + v % padded] =
                        TornadoAttention.element(floats, q + width, start + v / padded, tokens, 3 * width, v % padded, headWidth);
            }
            for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
                value[v / padded * PITCH + v % padded] =
                        TornadoAttention.element(floats, q + 2 * width, start + v / padded, tokens, 3 * width, v % padded, headWidth);
            }
            context.localBarrier();
            float s = 0f;
            float dP = 0f;
            for (int a = 0; a < headWidth; a++) {
                s = query[y * PITCH + a] * key[x * PITCH + a] + s;
                dP = dResult[y * PITCH + a] * value[x * PITCH + a] + dP;
            }
            float dS = 0f;
            if (start + x < tokens) {
                dS = TornadoMath.exp(s * scale - lse) * (dP - delta) * scale;
            }
            dScores[y * SCORE_PITCH + x] = dS;
            context.localBarrier();
            int rows = SIDE;
            if (tokens - start < SIDE) {
                rows = tokens - start;
            }
            for (int c = 0; c < rows; c++) {
                float w = dScores[y * SCORE_PITCH + c];
                for (int n = 0; n < columns; n++) {
                    sums[n] = w * key[c * PITCH + x + SIDE * n] + sums[n];
                }
            }
        }
        int to = p.get(o) + place + (first + y) * 3 * width;
        for (int n = 0; n < columns; n++) {
            if (first + y < tokens && x + SIDE * n < headWidth) {
                floats.set(to + x + SIDE * n, sums[n]);
            }
        }
    }

    /** dk and dv of a block of keys; parameters as for {@link #query}. Scores are transposed: rows are keys. */
    static void keyValue(KernelContext context, FloatArray floats, IntArray p, IntArray slot, int columns) {
        float[] key = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] value = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] query = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] dResult = context.allocateFloatLocalArray(SIDE * PITCH);
        float[] scores = context.allocateFloatLocalArray(SIDE * SCORE_PITCH);
        float[] dScores = context.allocateFloatLocalArray(SIDE * SCORE_PITCH);
        int o = slot.get(0);
        int tokens = p.get(o + 5);
        int heads = p.get(o + 6);
        int headWidth = p.get(o + 7);
        int padded = SIDE * columns;
        float scale = floats.get(p.get(o + 8));
        int x = context.localIdx;
        int y = context.localIdy;
        int item = y * SIDE + x;
        int first = context.groupIdx * SIDE;
        int image = context.groupIdy / heads;
        int head = context.groupIdy % heads;
        int width = heads * headWidth;
        int place = image * tokens * 3 * width + head * headWidth;
        int q = p.get(o + 2) + place;
        int dContext = p.get(o + 1) + image * tokens * width + head * headWidth;
        for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
            key[v / padded * PITCH + v % padded] =
                    TornadoAttention.element(floats, q + width, first + v / padded, tokens, 3 * width, v % padded, headWidth);
        }
        for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
            value[v / padded * PITCH + v % padded] =
                    TornadoAttention.element(floats, q + 2 * width, first + v / padded, tokens, 3 * width, v % padded, headWidth);
        }
        float[] dKey = new float[MOST_COLUMNS];
        float[] dValue = new float[MOST_COLUMNS];
        for (int n = 0; n < MOST_COLUMNS; n++) {
            dKey[n] = 0f;
            dValue[n] = 0f;
        }
        for (int start = 0; start < tokens; start += SIDE) {
            context.localBarrier(); // the block before has been used
            for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
                query[v / padded * PITCH + v % padded] =
                        TornadoAttention.element(floats, q, start + v / padded, tokens, 3 * width, v % padded, headWidth);
            }
            for (int v = item; v < SIDE * padded; v += SIDE * SIDE) {
                dResult[v / padded * PITCH + v % padded] =
                        TornadoAttention.element(floats, dContext, start + v / padded, tokens, width, v % padded, headWidth);
            }
            context.localBarrier();
            float s = 0f;
            float dP = 0f;
            for (int a = 0; a < headWidth; a++) {
                s = key[y * PITCH + a] * query[x * PITCH + a] + s;
                dP = value[y * PITCH + a] * dResult[x * PITCH + a] + dP;
            }
            float probability = 0f;
            float dS = 0f;
            if (start + x < tokens) {
                int row = context.groupIdy * tokens + start + x;
                probability = TornadoMath.exp(s * scale - floats.get(p.get(o + 3) + row));
                dS = probability * (dP - floats.get(p.get(o + 4) + row)) * scale;
            }
            scores[y * SCORE_PITCH + x] = probability;
            dScores[y * SCORE_PITCH + x] = dS;
            context.localBarrier();
            int rows = SIDE;
            if (tokens - start < SIDE) {
                rows = tokens - start;
            }
            for (int c = 0; c < rows; c++) {
                float w = scores[y * SCORE_PITCH + c];
                float dW = dScores[y * SCORE_PITCH + c];
                for (int n = 0; n < columns; n++) {
                    dValue[n] = w * dResult[c * PITCH + x + SIDE * n] + dValue[n];
                    dKey[n] = dW * query[c * PITCH + x + SIDE * n] + dKey[n];
                }
            }
        }
        int to = p.get(o) + place + width + (first + y) * 3 * width;
        for (int n = 0; n < columns; n++) {
            if (first + y < tokens && x + SIDE * n < headWidth) {
                floats.set(to + x + SIDE * n, dKey[n]);
                floats.set(to + width + x + SIDE * n, dValue[n]);
            }
        }
    }
}
