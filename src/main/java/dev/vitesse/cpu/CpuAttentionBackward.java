// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.LANES;
import static dev.vitesse.cpu.Simd.broadcast;
import static dev.vitesse.cpu.Simd.load;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Attention, backward. An item is a head of an image. It works on blocks of keys, that is on rows of the transposed
 * score matrix, because four of the five products then read their left operand by rows and lse and D lie along vectors:
 *
 * <pre>
 * P^T  = exp(scale K Q^T - lse)             dP^T = V dC^T            D[i] = dC[i] . C[i]
 * dS^T = scale P^T (dP^T - D)
 * dV = P^T dC        dK = dS^T Q        dQ += (dS^T)^T K
 * </pre>
 */
final class CpuAttentionBackward implements ThreadTeam.Task {
    private final CpuBackend backend;
    private final CpuTensor dQkv;
    private final CpuTensor dContext;
    private final CpuTensor context;
    private final CpuTensor qkv;
    private final CpuTensor logSumExp;
    private final int heads;
    private final int tokens;
    private final int padded;
    private final int headWidth;
    private final float scale;
    private final Split keys;

    // The parts of the working memory: a tile, then right operands in panels, then vectors and blocks of scores.
    private final int queriesTransposed;
    private final int dContextTransposed;
    private final int queries;
    private final int dContexts;
    private final int keyPanels;
    private final int slivers;
    private final int lse;
    private final int dots;
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
        headWidth = context.dim(2) / heads;
        scale = (float) (1 / Math.sqrt(headWidth));
        keys = CpuAttention.blocks(tokens);
        reserve(Gemm.TILE);
        queriesTransposed = reserve(Packing.panelSize(headWidth, tokens));
        dContextTransposed = reserve(Packing.panelSize(headWidth, tokens));
        queries = reserve(Packing.panelSize(tokens, headWidth));
        dContexts = reserve(Packing.panelSize(tokens, headWidth));
        keyPanels = reserve(Packing.panelSize(keys.size(), headWidth));
        slivers = reserve(Packing.columnsSize(keys.size(), tokens));
        lse = reserve(padded);
        dots = reserve(padded);
        probabilities = reserve((long) keys.size() * padded);
        dScores = reserve((long) keys.size() * padded);
        backend.reserveScratch(scratchSize);
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
        int items = context.dim(0) * heads;
        return () -> backend.team().run(items, op);
    }

    @Override
    public void run(int item, int worker) {
        int image = item / heads;
        int head = item % heads;
        int width = heads * headWidth;
        int in = 3 * image * tokens * width + head * headWidth;
        int out = image * tokens * width + head * headWidth;
        float[] scratch = backend.scratch(worker);
        float[] x = qkv.floats();
        float[] d = dContext.floats();
        int query = qkv.offset() + in;
        int dOut = dContext.offset() + out;
        Packing.packTransposed(x, query, 3 * width, headWidth, tokens, scratch, queriesTransposed);
        Packing.packPanels(x, query, 3 * width, tokens, headWidth, scratch, queries);
        Packing.packTransposed(d, dOut, width, headWidth, tokens, scratch, dContextTransposed);
        Packing.packPanels(d, dOut, width, tokens, headWidth, scratch, dContexts);
        System.arraycopy(logSumExp.floats(), logSumExp.offset() + item * tokens, scratch, lse, tokens);
        Arrays.fill(scratch, lse + tokens, lse + padded, 0f);
        Arrays.fill(scratch, dots + tokens, dots + padded, 0f);
        float[] c = context.floats();
        for (int i = 0; i < tokens; i++) {
            scratch[dots + i] = dot(d, dOut + i * width, c, context.offset() + out + i * width, headWidth);
        }
        for (int block = 0; block < keys.count(); block++) {
            block(scratch, x, query, dQkv.floats(), dQkv.offset() + in, keys.first(block), keys.end(block));
        }
    }

    /** The keys {@code first} to {@code end - 1} of a head whose first query lies at x[query] and its gradient at dX[dQuery]. */
    private void block(float[] scratch, float[] x, int query, float[] dX, int dQuery, int first, int end) {
        int rows = end - first;
        int width = heads * headWidth;
        int stride = 3 * width;
        int row = first * stride;
        int tokenPanels = Gemm.panels(tokens);
        int headPanels = Gemm.panels(headWidth);
        Gemm.multiply(headWidth, x, query + width + row, stride, rows, scratch, queriesTransposed, padded, 0,
                tokenPanels, null, scratch, probabilities, padded, null, 0, 0, scratch, 0);
        Gemm.multiply(headWidth, x, query + 2 * width + row, stride, rows, scratch, dContextTransposed, padded, 0,
                tokenPanels, null, scratch, dScores, padded, null, 0, 0, scratch, 0);
        for (int j = 0; j < rows; j++) {
            scores(scratch, probabilities + j * padded, dScores + j * padded, lse, dots, padded, scale);
        }
        Gemm.multiply(tokens, scratch, probabilities, padded, rows, scratch, dContexts, headWidth, 0, headPanels, null,
                dX, dQuery + 2 * width + row, stride, null, 0, 0, scratch, 0);
        Gemm.multiply(tokens, scratch, dScores, padded, rows, scratch, queries, headWidth, 0, headPanels, null, dX,
                dQuery + width + row, stride, null, 0, 0, scratch, 0);
        Packing.packPanels(x, query + width + row, stride, rows, headWidth, scratch, keyPanels);
        Packing.packColumns(scratch, dScores, padded, rows, tokens, scratch, slivers);
        Gemm.multiplyPacked(rows, scratch, slivers, tokens, scratch, keyPanels, headWidth, dX, dQuery, stride,
                first > 0, scratch, 0);
    }

    /** One row: p = exp(scale p - lse), ds = scale p (ds - dots). */
    private static void scores(float[] s, int p, int ds, int lse, int dots, int padded, float scale) {
        for (int i = 0; i < padded; i += LANES) {
            FloatVector probability = Simd.exp(load(s, p + i).mul(scale).sub(load(s, lse + i)));
            probability.intoArray(s, p + i);
            load(s, ds + i).sub(load(s, dots + i)).mul(probability).mul(scale).intoArray(s, ds + i);
        }
    }

    private static float dot(float[] a, int aOffset, float[] b, int bOffset, int count) {
        FloatVector sum = broadcast(0);
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            sum = load(a, aOffset + i).fma(load(b, bOffset + i), sum);
        }
        float total = Simd.sum(sum);
        for (; i < count; i++) {
            total += a[aOffset + i] * b[bOffset + i];
        }
        return total;
    }
}
