// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Attention, forward. An item is all heads of an image; one head where images are large or few; a part of its queries
 * where heads are few, too. Keys and values are packed; then for each block of queries the scores, a block of rows by T,
 * stay in the thread's cache from q k^T over the softmax to the product with v. Narrow heads and heads of few tokens have
 * kernels of their own.
 */
final class CpuAttention implements ThreadTeam.Task {
    /** Queries whose scores are held at once. */
    private static final int BLOCK_ROWS = 54;
    /** Elements of an image, half of a usual second-level cache, up to which its heads are done one after the other. */
    private static final int MOST_TOUCHED = 1 << 16;

    private static final float[] NOT_WANTED = {};

    private final CpuBackend backend;
    private final CpuTensor context;
    private final @Nullable CpuTensor logSumExp;
    private final CpuTensor qkv;
    private final int batch;
    private final int heads;
    private final int tokens;
    /** T filled up to whole panels, and to whole vectors. */
    private final int padded;

    private final int vectors;
    private final int headWidth;
    private final float scale;
    private final int headsPerItem;
    private final int parts;
    private final Split queries;
    /** What narrow heads are done with, or null. */
    private final @Nullable NarrowAttention narrow;
    /** What heads of few tokens are done with, or null. */
    private final @Nullable ShortAttention few;

    // The parts of the working memory.
    private final int keys;
    private final int values;
    private final int maxima;
    private final int sums;
    private final int lanes;
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
        padded = Gemm.padded(tokens);
        vectors = Simd.whole(tokens);
        headWidth = context.dim(2) / heads;
        scale = (float) (1 / Math.sqrt(headWidth));
        queries = blocks(tokens, BLOCK_ROWS);
        narrow = NarrowAttention.suits(headWidth) ? new NarrowAttention(0, tokens, headWidth, scale) : null;
        few = ShortAttention.suits(tokens, headWidth) ? new ShortAttention(0, tokens, headWidth, scale) : null;
        headsPerItem = headsPerItem(backend, batch, heads, 3 * tokens * context.dim(2));
        int items = Math.max(1, batch * heads / headsPerItem);
        int blocks = few != null ? 1 : narrow == null ? queries.count() : narrow.vectors();
        parts = Math.max(1, Math.min(blocks, Math.ceilDiv(2 * backend.team().size(), items)));
        keys = Gemm.workSize(queries.size(), Math.max(headWidth, tokens));
        values = keys + Math.toIntExact(Packing.panelSize(headWidth, tokens));
        maxima = values + Math.toIntExact(Packing.panelSize(tokens, headWidth));
        sums = maxima + queries.size();
        lanes = sums + queries.size();
        scores = lanes + queries.size() * LANES;
        long blocked = scores + (long) queries.size() * padded;
        backend.reserveScratch(few != null ? few.size() : narrow != null ? narrow.size() : blocked);
    }

    static Runnable forward(
            CpuBackend backend, CpuTensor context, @Nullable CpuTensor logSumExp, CpuTensor qkv, int heads) {
        CpuAttention op = new CpuAttention(backend, context, logSumExp, qkv, heads);
        return () -> backend.team().run(op.batch * (op.heads / op.headsPerItem) * op.parts, op);
    }

    /** All heads, if an image of {@code size} elements fits the cache and there are enough images for all threads. */
    static int headsPerItem(CpuBackend backend, int batch, int heads, int size) {
        return size <= MOST_TOUCHED && batch >= 4 * backend.team().size() ? heads : 1;
    }

    /** Equal blocks of about {@code most} rows, in whole tiles. */
    static Split blocks(int rows, int most) {
        int even = Math.ceilDiv(rows, Math.max(1, Math.ceilDiv(rows, most)));
        return new Split(rows, Math.max(Gemm.ROWS, Gemm.wholeTiles(even)));
    }

    @Override
    public void run(int item, int worker) {
        int part = item % parts;
        int firstHead = item / parts * headsPerItem;
        float[] scratch = backend.scratch(worker);
        if (headsPerItem > 1) {
            int size = 3 * tokens * heads * headWidth;
            scratch[0] = Simd.touch(qkv.floats(), qkv.offset() + firstHead / heads * size, size);
        }
        for (int head = firstHead; head < firstHead + headsPerItem; head++) {
            attend(scratch, head / heads, head % heads, part);
        }
    }

    /** One head, or a part of its queries. */
    private void attend(float[] scratch, int image, int head, int part) {
        float[] in = qkv.floats();
        int width = heads * headWidth;
        int query = qkv.offset() + image * tokens * 3 * width + head * headWidth;
        float[] lse = logSumExp == null ? NOT_WANTED : logSumExp.floats();
        int row = logSumExp == null ? 0 : logSumExp.offset() + (image * heads + head) * tokens;
        if (few != null) {
            few.head(scratch, in, query, width, context.floats(),
                    context.offset() + image * tokens * width + head * headWidth, lse, row);
            return;
        }
        if (narrow != null) {
            narrow.prepare(scratch, in, query, width);
            narrow.attend(scratch, part * narrow.vectors() / parts, (part + 1) * narrow.vectors() / parts,
                    context.floats(), context.offset() + image * tokens * width + head * headWidth, width, lse, row);
            return;
        }
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
        Gemm.multiply(headWidth, in, query, 3 * width, rows, scratch, keys, vectors, 0, Gemm.panels(tokens), null,
                scratch, scores, padded, null, 0, 0, scratch, 0);
        maxima(scratch, scores, rows, padded, tokens, vectors, maxima, scale * Simd.LOG2_E);
        for (int i = 0; i < rows; i++) {
            Simd.exp2(scratch, scores + i * padded, vectors);
        }
        sums(scratch, scores, rows, padded, vectors, lanes, sums);
        float[] c = context.floats();
        Gemm.multiply(tokens, scratch, scores, padded, rows, scratch, values, headWidth, 0, Gemm.panels(headWidth),
                null, c, out, width, null, 0, 0, scratch, 0);
        divide(c, out, rows, width, headWidth, scratch, sums);
        if (logSumExp != null) {
            float[] lse = logSumExp.floats();
            int first = logSumExp.offset() + row;
            for (int i = 0; i < rows; i++) {
                lse[first + i] = (float) (scratch[maxima + i] * (double) scale + Math.log(scratch[sums + i]));
            }
        }
    }

    /** Each row s becomes scale (s - max), which fills up the last vector with minus infinity. */
    private static void maxima(
            float[] s, int start, int rows, int stride, int count, int end, int maxima, float scale) {
        for (int r = 0; r < rows; r++) {
            int row = start + r * stride;
            for (int j = count; j < end; j++) {
                s[row + j] = Float.NEGATIVE_INFINITY;
            }
            FloatVector most = fromArray(FLOATS, s, row);
            for (int j = LANES; j < end; j += LANES) {
                // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
                FloatVector v = fromArray(FLOATS, s, row + j);
                most = most.blend(v, v.compare(VectorOperators.GT, most));
            }
            s[maxima + r] = most.reduceLanes(VectorOperators.MAX);
        }
        for (int r = 0; r < rows; r++) {
            int row = start + r * stride;
            float max = s[maxima + r];
            for (int j = 0; j < end; j += LANES) {
                fromArray(FLOATS, s, row + j).sub(max).mul(scale).intoArray(s, row + j);
            }
        }
    }

    private static void sums(float[] s, int start, int rows, int stride, int end, int lanes, int sums) {
        for (int r = 0; r < rows; r++) {
            int row = start + r * stride;
            FloatVector sum = fromArray(FLOATS, s, row);
            for (int j = LANES; j < end; j += LANES) {
                // Not sum.add: a loop's result has no exact type yet where C2 decides what to inline.
                sum = fromArray(FLOATS, s, row + j).add(sum);
            }
            sum.intoArray(s, lanes + r * LANES);
        }
        for (int r = 0; r < rows; r++) {
            s[sums + r] = Simd.sumLanes(s, lanes + r * LANES);
        }
    }

    /** c[r, :] /= sums[r]. */
    static void divide(float[] c, int start, int rows, int stride, int count, float[] s, int sums) {
        for (int r = 0; r < rows; r++) {
            float factor = 1 / s[sums + r];
            int row = start + r * stride;
            int j = 0;
            for (; j <= count - LANES; j += LANES) {
                fromArray(FLOATS, c, row + j).mul(factor).intoArray(c, row + j);
            }
            for (; j < count; j++) {
                c[row + j] *= factor;
            }
        }
    }
}
