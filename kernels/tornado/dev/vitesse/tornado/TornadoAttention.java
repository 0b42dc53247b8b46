// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Softmax-scaled multi-head attention in blocks (Dao et al. 2022, arXiv:2205.14135): scores exist one block at a time, never
 * T x T. The backward pass is in {@link TornadoAttentionBackward}; CPUs have a forward kernel of their own,
 * {@link TornadoCpuAttention}. Bound by arithmetic.
 *
 * <pre>
 *   S = q k^T / sqrt(A),  P = exp(S - logSumExp),  context = P v
 * </pre>
 *
 * qkv is [B, T, 3, H, A], context [B, T, H, A], logSumExp [B, H, T]. A group of SIDE x SIDE work-items has one head of one
 * image (y) and one block of BLOCK query rows (x), which stay in local memory while blocks of BLOCK keys and values pass by.
 * A work-item has rows y and y + 16 of the block: of the scores columns x and x + 16, of the result every 16th column.
 */
final class TornadoAttention {
    static final int SIDE = 16;
    /** Of a row of a head in local memory: one more than the widest head, so that rows begin in different banks. */
    static final int PITCH = 129;
    /** Columns of a result that one work-item has at most. */
    static final int MOST_COLUMNS = 8;
    /** In place of minus infinity, which relaxed arithmetic may not know. */
    static final float LOWEST = -1e30f;

    private static final int BLOCK = 32;
    private static final int SCORE_PITCH = BLOCK + 1;

    /** Local memory that the largest kernel needs. */
    static final int LOCAL_BYTES = Float.BYTES * (2 * BLOCK * PITCH + BLOCK * SCORE_PITCH + BLOCK * SIDE);

    private TornadoAttention() {}

    static void forward(Recording r, Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        int tokens = context.dim(1);
        int headWidth = headWidth(context, heads);
        int columns = columns(headWidth);
        int[] parameters = {
            r.at(context), r.at(logSumExp), r.at(qkv), tokens, heads, headWidth, r.constants((float) (1 / Math.sqrt(headWidth)))
        };
        long allHeads = (long) context.dim(0) * heads;
        if (r.compact()) {
            r.launch(TornadoCpuAttention.KERNEL, TornadoCpuAttention.blocks(tokens), allHeads, 1, parameters);
            return;
        }
        TornadoKernel kernel = new TornadoKernel("attention_" + SIDE * columns, "attention", SIDE, SIDE, (id, a) ->
                TaskPackage.createPackage(id, TornadoAttention::attention, a.context(), a.floats(), a.parameters(),
                        a.slot(), columns));
        r.launch(kernel, Math.ceilDiv(tokens, BLOCK), allHeads, 1, parameters);
    }

    /** Columns of a head that one work-item has: a power of two, so that there are few kernels. */
    static int columns(int headWidth) {
        int columns = 1;
        while (columns * SIDE < headWidth) {
            columns *= 2;
        }
        return columns;
    }

    /**
     * Elements of a head.
     *
     * @throws IllegalArgumentException if they do not fit the kernels' local memory
     */
    static int headWidth(Tensor context, int heads) {
        int headWidth = context.dim(2) / heads;
        if (headWidth > SIDE * MOST_COLUMNS) {
            throw new IllegalArgumentException("attention on TornadoVM: heads of " + headWidth + " elements are more than "
                    + SIDE * MOST_COLUMNS + ", for which the kernels have local memory");
        }
        return headWidth;
    }

    /**
     * An element of a row of a head, zero past the last token and past the head's last column, up to which work-items read
     * without asking. (Kernels store it to local memory themselves: TornadoVM miscompiles such stores in a method that they
     * call.)
     *
     * @param head where the head's first row starts
     * @param stride from a row to the next
     */
    static float element(
            FloatArray floats, int head, int row, int tokens, int stride, int column, int headWidth) {
        float value = 0f;
        if (row < tokens && column < headWidth) {
            value = floats.get(head + row * stride + column);
        }
        return value;
    }

    /**
     * With a running maximum and sum for each row. Parameters: context, logSumExp or -1, qkv, tokens, heads, A, 1 /
     * sqrt(A).
     *
     * @param columns of the result that a work-item has
     */
    static void attention(KernelContext context, FloatArray floats, IntArray p, IntArray slot, int columns) {
        float[] query = context.allocateFloatLocalArray(BLOCK * PITCH);
        float[] other = context.allocateFloatLocalArray(BLOCK * PITCH); // keys, then values
        float[] scores = context.allocateFloatLocalArray(BLOCK * SCORE_PITCH);
        float[] partial = context.allocateFloatLocalArray(BLOCK * SIDE);
        int o = slot.get(0);
        int tokens = p.get(o + 3);
        int heads = p.get(o + 4);
        int headWidth = p.get(o + 5);
        int padded = SIDE * columns;
        float scale = floats.get(p.get(o + 6));
        int x = context.localIdx;
        int y = context.localIdy;
        int item = y * SIDE + x;
        int first = context.groupIdx * BLOCK;
        int image = context.groupIdy / heads;
        int head = context.groupIdy % heads;
        int width = heads * headWidth;
        int q = p.get(o + 2) + image * tokens * 3 * width + head * headWidth;
        for (int v = item; v < BLOCK * padded; v += SIDE * SIDE) {
            query[v / padded * PITCH + v % padded] =
                    element(floats, q, first + v / padded, tokens, 3 * width, v % padded, headWidth);
        }
        float[] result = new float[2 * MOST_COLUMNS];
        for (int i = 0; i < 2 * MOST_COLUMNS; i++) {
            result[i] = 0f;
        }
        float largest0 = LOWEST;
        float largest1 = LOWEST;
        float sum0 = 0f; // over this work-item's columns only, until the end
        float sum1 = 0f;
        for (int start = 0; start < tokens; start += BLOCK) {
            context.localBarrier(); // the values and scores of the block before have been used
            for (int v = item; v < BLOCK * padded; v += SIDE * SIDE) {
                other[v / padded * PITCH + v % padded] =
                        element(floats, q + width, start + v / padded, tokens, 3 * width, v % padded, headWidth);
            }
            context.localBarrier();
            float s00 = 0f;
            float s01 = 0f;
            float s10 = 0f;
            float s11 = 0f;
            for (int a = 0; a < headWidth; a++) {
                float q0 = query[y * PITCH + a];
                float q1 = query[(y + SIDE) * PITCH + a];
                float k0 = other[x * PITCH + a];
                float k1 = other[(x + SIDE) * PITCH + a];
                s00 = q0 * k0 + s00;
                s01 = q0 * k1 + s01;
                s10 = q1 * k0 + s10;
                s11 = q1 * k1 + s11;
            }
            s00 = masked(s00 * scale, start + x, tokens);
            s01 = masked(s01 * scale, start + x + SIDE, tokens);
            s10 = masked(s10 * scale, start + x, tokens);
            s11 = masked(s11 * scale, start + x + SIDE, tokens);
            partial[y * SIDE + x] = TornadoMath.max(s00, s01);
            partial[(y + SIDE) * SIDE + x] = TornadoMath.max(s10, s11);
            context.localBarrier();
            float now0 = largest0;
            float now1 = largest1;
            for (int i = 0; i < SIDE; i++) {
                now0 = TornadoMath.max(now0, partial[y * SIDE + i]);
                now1 = TornadoMath.max(now1, partial[(y + SIDE) * SIDE + i]);
            }
            float correction0 = TornadoMath.exp(largest0 - now0);
            float correction1 = TornadoMath.exp(largest1 - now1);
            largest0 = now0;
            largest1 = now1;
            float p00 = TornadoMath.exp(s00 - now0);
            float p01 = TornadoMath.exp(s01 - now0);
            float p10 = TornadoMath.exp(s10 - now1);
            float p11 = TornadoMath.exp(s11 - now1);
            sum0 = sum0 * correction0 + (p00 + p01);
            sum1 = sum1 * correction1 + (p10 + p11);
            scores[y * SCORE_PITCH + x] = p00;
            scores[y * SCORE_PITCH + x + SIDE] = p01;
            scores[(y + SIDE) * SCORE_PITCH + x] = p10;
            scores[(y + SIDE) * SCORE_PITCH + x + SIDE] = p11;
            for (int v = item; v < BLOCK * padded; v += SIDE * SIDE) {
                other[v / padded * PITCH + v % padded] =
                        element(floats, q + 2 * width, start + v / padded, tokens, 3 * width, v % padded, headWidth);
            }
            context.localBarrier();
            for (int n = 0; n < columns; n++) {
                result[2 * n] = result[2 * n] * correction0;
                result[2 * n + 1] = result[2 * n + 1] * correction1;
            }
            int keys = BLOCK;
            if (tokens - start < BLOCK) {
                keys = tokens - start;
            }
            for (int c = 0; c < keys; c++) {
                float w0 = scores[y * SCORE_PITCH + c];
                float w1 = scores[(y + SIDE) * SCORE_PITCH + c];
                for (int n = 0; n < columns; n++) {
                    float value = other[c * PITCH + x + SIDE * n];
                    result[2 * n] = w0 * value + result[2 * n];
                    result[2 * n + 1] = w1 * value + result[2 * n + 1];
                }
            }
        }
        context.localBarrier();
        partial[y * SIDE + x] = sum0;
        partial[(y + SIDE) * SIDE + x] = sum1;
        context.localBarrier();
        float total0 = 0f;
        float total1 = 0f;
        for (int i = 0; i < SIDE; i++) {
            total0 = total0 + partial[y * SIDE + i];
            total1 = total1 + partial[(y + SIDE) * SIDE + i];
        }
        int row0 = first + y;
        int row1 = row0 + SIDE;
        int c = p.get(o) + image * tokens * width + head * headWidth;
        for (int n = 0; n < columns; n++) {
            int column = x + SIDE * n;
            if (row0 < tokens && column < headWidth) {
                floats.set(c + row0 * width + column, result[2 * n] / total0);
            }
            if (row1 < tokens && column < headWidth) {
                floats.set(c + row1 * width + column, result[2 * n + 1] / total1);
            }
        }
        if (p.get(o + 1) >= 0 && x == 0) {
            int lse = p.get(o + 1) + context.groupIdy * tokens;
            if (row0 < tokens) {
                floats.set(lse + row0, largest0 + TornadoMath.log(total0));
            }
            if (row1 < tokens) {
                floats.set(lse + row1, largest1 + TornadoMath.log(total1));
            }
        }
    }

    private static float masked(float score, int key, int tokens) {
        float value = score;
        if (key >= tokens) {
            value = LOWEST;
        }
        return value;
    }
}
