// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.LANES;
import static dev.vitesse.cpu.Simd.broadcast;
import static dev.vitesse.cpu.Simd.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Attention, forward. An item is a head of an image, or a part of its queries where heads are few. Keys and values are
 * packed; then for each block of queries the scores, a block of rows by T, stay in the thread's cache from q k^T over
 * the softmax to the product with v.
 */
final class CpuAttention implements ThreadTeam.Task {
    /** Queries (backward: keys) whose scores are held at once. */
    static final int BLOCK_ROWS = 54;

    private final CpuBackend backend;
    private final CpuTensor context;
    private final @Nullable CpuTensor logSumExp;
    private final CpuTensor qkv;
    private final int batch;
    private final int heads;
    private final int tokens;
    private final int headWidth;
    private final float scale;
    private final int parts;
    private final Split queries;

    // The parts of the working memory.
    private final int keys;
    private final int values;
    private final int scores;

    private CpuAttention(
            CpuBackend backend, CpuTensor context, @Nullable CpuTensor logSumExp, CpuTensor qkv, int heads) {
        this.backend = backend;
        this.context = context;
        this.logSumExp = logSumExp;
        this.qkv = qkv;
        this.heads = heads;
        batch = context.dim(0);
        tokens = context.dim(1);
        headWidth = context.dim(2) / heads;
        scale = (float) (1 / Math.sqrt(headWidth));
        queries = blocks(tokens);
        int items = Math.max(1, batch * heads);
        parts = Math.max(1, Math.min(queries.count(), Math.ceilDiv(2 * backend.team().size(), items)));
        keys = Gemm.TILE;
        values = keys + Math.toIntExact(Packing.panelSize(headWidth, tokens));
        scores = values + Math.toIntExact(Packing.panelSize(tokens, headWidth));
        backend.reserveScratch(scores + (long) queries.size() * Gemm.padded(tokens));
    }

    static Runnable forward(
            CpuBackend backend, CpuTensor context, @Nullable CpuTensor logSumExp, CpuTensor qkv, int heads) {
        CpuAttention op = new CpuAttention(backend, context, logSumExp, qkv, heads);
        return () -> backend.team().run(op.batch * op.heads * op.parts, op);
    }

    /** Equal blocks of at most {@link #BLOCK_ROWS} rows, in whole tiles. */
    static Split blocks(int rows) {
        int even = Math.ceilDiv(rows, Math.max(1, Math.ceilDiv(rows, BLOCK_ROWS)));
        return new Split(rows, Math.max(Gemm.ROWS, Gemm.wholeTiles(even)));
    }

    @Override
    public void run(int item, int worker) {
        int part = item % parts;
        int head = item / parts % heads;
        int image = item / parts / heads;
        float[] scratch = backend.scratch(worker);
        float[] in = qkv.floats();
        int width = heads * headWidth;
        int query = qkv.offset() + image * tokens * 3 * width + head * headWidth;
        Packing.packTransposed(in, query + width, 3 * width, headWidth, tokens, scratch, keys);
        Packing.packPanels(in, query + 2 * width, 3 * width, tokens, headWidth, scratch, values);
        for (int block = part; block < queries.count(); block += parts) {
            int first = queries.first(block);
            attend(scratch, in, query + first * 3 * width, context.offset() + (image * tokens + first) * width
                    + head * headWidth, (image * heads + head) * tokens + first, queries.end(block) - first);
        }
    }

    /** One block of queries. */
    private void attend(float[] scratch, float[] in, int query, int out, int row, int rows) {
        int width = heads * headWidth;
        int padded = Gemm.padded(tokens);
        Gemm.multiply(headWidth, in, query, 3 * width, rows, scratch, keys, padded, 0, Gemm.panels(tokens), null,
                scratch, scores, padded, null, 0, 0, scratch, 0);
        float[] c = context.floats();
        for (int i = 0; i < rows; i++) {
            int start = scores + i * padded;
            float max = softmaxNumerators(scratch, start, tokens, padded, scale);
            float sum = sum(scratch, start, padded);
            if (logSumExp != null) {
                logSumExp.floats()[logSumExp.offset() + row + i] = (float) (max * (double) scale + Math.log(sum));
            }
            scale(scratch, start, padded, 1 / sum);
        }
        Gemm.multiply(tokens, scratch, scores, padded, rows, scratch, values, headWidth, 0, Gemm.panels(headWidth), null,
                c, out, width, null, 0, 0, scratch, 0);
    }

    /**
     * s[j] = exp(scale (s[j] - max)) for j below {@code count} and as good as 0 up to {@code padded}.
     *
     * @return max
     */
    private static float softmaxNumerators(float[] s, int start, int count, int padded, float scale) {
        for (int j = count; j < padded; j++) {
            s[start + j] = Float.NEGATIVE_INFINITY;
        }
        FloatVector most = load(s, start);
        for (int j = LANES; j < padded; j += LANES) {
            most = most.max(load(s, start + j));
        }
        float max = most.reduceLanes(VectorOperators.MAX);
        for (int j = 0; j < padded; j += LANES) {
            Simd.exp(load(s, start + j).sub(max).mul(scale)).intoArray(s, start + j);
        }
        return max;
    }

    private static float sum(float[] s, int start, int padded) {
        FloatVector sum = broadcast(0);
        for (int j = 0; j < padded; j += LANES) {
            sum = sum.add(load(s, start + j));
        }
        return Simd.sum(sum);
    }

    private static void scale(float[] s, int start, int padded, float factor) {
        for (int j = 0; j < padded; j += LANES) {
            load(s, start + j).mul(factor).intoArray(s, start + j);
        }
    }
}
