// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Attention, backward. An item is all heads of an image, or one where images are large or few. It works on blocks of keys, that is on rows of the transposed
 * score matrix, because four of the five products then read their left operand by rows and lse and D lie along vectors:
 *
 * <pre>
 * P^T  = 2^(log2 e (scale K Q^T - lse))     dP^T = V dC^T            D[i] = dC[i] . C[i]
 * dS^T = scale P^T (dP^T - D)
 * dV = P^T dC        dK = dS^T Q        dQ += (dS^T)^T K
 * </pre>
 */
final class CpuAttentionBackward implements ThreadTeam.Task {
    /** Elements of a block of scores, of which two are in use: less than a usual second-level cache. */
    private static final int MOST_SCORES = 3 << 14;

    private final CpuBackend backend;
    private final CpuTensor dQkv;
    private final CpuTensor dContext;
    private final CpuTensor context;
    private final CpuTensor qkv;
    private final CpuTensor logSumExp;
    private final int heads;
    private final int tokens;
    private final int padded;
    private final int vectors;
    private final int headWidth;
    private final int headsPerItem;
    private final float scale;
    private final Split keys;
    /** What narrow heads are done with, or null. */
    private final @Nullable NarrowAttentionBackward narrow;
    /** What heads of few tokens are done with, or null. */
    private final @Nullable ShortAttentionBackward few;

    // The parts of the working memory: a tile, then right operands in panels, then vectors and blocks of scores.
    private final int queriesTransposed;
    private final int dContextTransposed;
    private final int queries;
    private final int dContexts;
    private final int keyPanels;
    private final int slivers;
    private final int lse;
    private final int dots;
    private final int lanes;
    private final int probabilities;
    private final int dScores;
    private long scratchSize;

    private CpuAttentionBackward(
            CpuBackend backend, CpuTensor dQkv, CpuTensor dContext, CpuTensor context, CpuTensor qkv,
            CpuTensor logSumExp, int heads) {
        this.backend = backend;
        this.dQkv = dQkv;
        this.dContext = dContext;
        this.context = context;
        this.qkv = qkv;
        this.logSumExp = logSumExp;
        this.heads = heads;
        tokens = context.dim(1);
        padded = Gemm.padded(tokens);
        vectors = Simd.whole(tokens);
        headWidth = context.dim(2) / heads;
        headsPerItem = CpuAttention.headsPerItem(backend, context.dim(0), heads, 4 * tokens * context.dim(2));
        scale = (float) (1 / Math.sqrt(headWidth));
        keys = CpuAttention.blocks(tokens, Math.max(Gemm.ROWS, MOST_SCORES / padded));
        reserve(Gemm.workSize(keys.size(), Math.max(headWidth, tokens)));
        queriesTransposed = reserve(Packing.panelSize(headWidth, tokens));
        dContextTransposed = reserve(Packing.panelSize(headWidth, tokens));
        queries = reserve(Packing.panelSize(tokens, headWidth));
        dContexts = reserve(Packing.panelSize(tokens, headWidth));
        keyPanels = reserve(Packing.panelSize(keys.size(), headWidth));
        slivers = reserve(Packing.columnsSize(keys.size(), tokens));
        lse = reserve(padded);
        dots = reserve(padded);
        lanes = reserve((long) tokens * LANES);
        probabilities = reserve((long) keys.size() * padded);
        dScores = reserve((long) keys.size() * padded);
        narrow = NarrowAttention.suits(headWidth)
                ? new NarrowAttentionBackward(Math.toIntExact(scratchSize), tokens, headWidth, scale)
                : null;
        few = ShortAttention.suits(tokens, headWidth) ? new ShortAttentionBackward(0, tokens, headWidth, scale) : null;
        backend.reserveScratch(few != null ? few.size() : narrow != null ? narrow.size() : scratchSize);
    }

    private int reserve(long size) {
        int start = Math.toIntExact(scratchSize);
        scratchSize += size;
        return start;
    }

    static Runnable of(
            CpuBackend backend, CpuTensor dQkv, CpuTensor dContext, CpuTensor context, CpuTensor qkv,
            CpuTensor logSumExp, int heads) {
        CpuAttentionBackward op =
                new CpuAttentionBackward(backend, dQkv, dContext, context, qkv, logSumExp, heads);
        int items = context.dim(0) * heads / op.headsPerItem;
        return () -> backend.team().run(items, op);
    }

    @Override
    public void run(int item, int worker) {
        int first = item * headsPerItem;
        float[] scratch = backend.scratch(worker);
        if (headsPerItem > 1) {
            int image = first / heads;
            int size = tokens * heads * headWidth;
            scratch[0] = Simd.touch(qkv.floats(), qkv.offset() + 3 * image * size, 3 * size)
                    + Simd.touch(dContext.floats(), dContext.offset() + image * size, size)
                    + Simd.touch(context.floats(), context.offset() + image * size, size);
        }
        for (int head = first; head < first + headsPerItem; head++) {
            head(scratch, head);
        }
    }

    /** Head {@code item}, counted over all images. */
    private void head(float[] scratch, int item) {
        int image = item / heads;
        int head = item % heads;
        int width = heads * headWidth;
        int in = 3 * image * tokens * width + head * headWidth;
        int out = image * tokens * width + head * headWidth;
        float[] x = qkv.floats();
        float[] d = dContext.floats();
        int query = qkv.offset() + in;
        int dOut = dContext.offset() + out;
        int row = logSumExp.offset() + item * tokens;
        if (few != null) {
            few.head(scratch, x, query, width, context.floats(), context.offset() + out, d, dOut, dQkv.floats(),
                    dQkv.offset() + in, logSumExp.floats(), row);
            return;
        }
        if (narrow != null) {
            narrow.head(scratch, x, query, width, context.floats(), context.offset() + out, d, dOut, dQkv.floats(),
                    dQkv.offset() + in, logSumExp.floats(), row);
            return;
        }
        for (int i = 0; i < tokens; i++) {
            scratch[lse + i] = Simd.LOG2_E * logSumExp.floats()[row + i];
        }
        Arrays.fill(scratch, lse + tokens, lse + padded, 0f);
        Arrays.fill(scratch, dots + tokens, dots + padded, 0f);
        dots(d, dOut, context.floats(), context.offset() + out, tokens, width, headWidth, scratch, dots, lanes);
        Packing.packTransposed(x, query, 3 * width, headWidth, tokens, scratch, queriesTransposed);
        Packing.packPanels(x, query, 3 * width, tokens, headWidth, scratch, queries);
        Packing.packTransposed(d, dOut, width, headWidth, tokens, scratch, dContextTransposed);
        Packing.packPanels(d, dOut, width, tokens, headWidth, scratch, dContexts);
        for (int block = 0; block < keys.count(); block++) {
            block(scratch, x, query, dQkv.floats(), dQkv.offset() + in, keys.first(block), keys.end(block));
        }
    }

    /**
     * The keys {@code first} to {@code end - 1} of a head whose first query lies at x[query] and its gradient at
     * dX[dQuery].
     */
    private void block(float[] scratch, float[] x, int query, float[] dX, int dQuery, int first, int end) {
        int rows = end - first;
        int width = heads * headWidth;
        int stride = 3 * width;
        int row = first * stride;
        int tokenPanels = Gemm.panels(tokens);
        int headPanels = Gemm.panels(headWidth);
        Gemm.multiply(headWidth, x, query + width + row, stride, rows, scratch, queriesTransposed, vectors, 0,
                tokenPanels, null, scratch, probabilities, padded, null, 0, 0, scratch, 0);
        Gemm.multiply(headWidth, x, query + 2 * width + row, stride, rows, scratch, dContextTransposed, vectors, 0,
                tokenPanels, null, scratch, dScores, padded, null, 0, 0, scratch, 0);
        logProbabilities(scratch, probabilities, rows, padded, vectors, lse, scale * Simd.LOG2_E);
        for (int j = 0; j < rows; j++) {
            Simd.exp2(scratch, probabilities + j * padded, vectors);
        }
        scoreGradients(scratch, probabilities, dScores, rows, padded, vectors, dots, scale);
        Gemm.multiply(tokens, scratch, probabilities, padded, rows, scratch, dContexts, headWidth, 0, headPanels, null,
                dX, dQuery + 2 * width + row, stride, null, 0, 0, scratch, 0);
        Gemm.multiply(tokens, scratch, dScores, padded, rows, scratch, queries, headWidth, 0, headPanels, null, dX,
                dQuery + width + row, stride, null, 0, 0, scratch, 0);
        Packing.packPanels(x, query + width + row, stride, rows, headWidth, scratch, keyPanels);
        Packing.packColumns(scratch, dScores, padded, rows, tokens, scratch, slivers);
        Gemm.multiplyPacked(rows, scratch, slivers, tokens, scratch, keyPanels, headWidth, dX, dQuery, stride,
                first > 0, scratch, 0);
    }

    /** p = scale p - lse. */
    private static void logProbabilities(
            float[] s, int p, int rows, int stride, int end, int lse, float scale) {
        FloatVector factor = broadcast(FLOATS, scale);
        for (int r = 0; r < rows; r++) {
            int row = p + r * stride;
            for (int i = 0; i < end; i += LANES) {
                fromArray(FLOATS, s, row + i).mul(factor).sub(fromArray(FLOATS, s, lse + i)).intoArray(s, row + i);
            }
        }
    }

    /** ds = scale p (ds - dots). */
    private static void scoreGradients(
            float[] s, int p, int ds, int rows, int stride, int end, int dots, float scale) {
        for (int r = 0; r < rows; r++) {
            int row = r * stride;
            for (int i = 0; i < end; i += LANES) {
                FloatVector difference = fromArray(FLOATS, s, ds + row + i).sub(fromArray(FLOATS, s, dots + i));
                difference.mul(fromArray(FLOATS, s, p + row + i)).mul(scale).intoArray(s, ds + row + i);
            }
        }
    }

    /** D, the dot products of the rows of a and b. */
    static void dots(
            float[] a, int aOffset, float[] b, int bOffset, int rows, int stride, int count, float[] s, int dots,
            int lanes) {
        int whole = FLOATS.loopBound(count);
        for (int r = 0; r < rows; r++) {
            int row = r * stride;
            FloatVector sum = broadcast(FLOATS, 0);
            for (int i = 0; i < whole; i += LANES) {
                sum = fromArray(FLOATS, a, aOffset + row + i).fma(fromArray(FLOATS, b, bOffset + row + i), sum);
            }
            sum.intoArray(s, lanes + r * LANES);
        }
        for (int r = 0; r < rows; r++) {
            float total = Simd.sumLanes(s, lanes + r * LANES);
            for (int i = whole; i < count; i++) {
                total += a[aOffset + r * stride + i] * b[bOffset + r * stride + i];
            }
            s[dots + r] = total;
        }
    }
}
