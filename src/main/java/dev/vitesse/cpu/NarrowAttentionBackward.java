// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Attention, backward, for the heads of {@link NarrowAttention}, with queries along the lanes of one vector. What is
 * summed over queries (dK and dV) is summed by lanes until the head's last query:
 *
 * <pre>
 * p[j, :]   = exp(scale s[j, :] - lse)                    ds[j, :] = scale p[j, :] (dp[j, :] - D)
 * dq[d, :] += k[j, d] ds[j, :]      dk[j, d, :] += q[d, :] ds[j, :]      dv[j, d, :] += dc[d, :] p[j, :]
 * </pre>
 */
final class NarrowAttentionBackward {
    private final int tokens;
    private final int headWidth;
    private final float scale;
    // The parts of the working memory.
    private final int queries;
    private final int dContexts;
    private final int probabilities;
    private final int dScores;
    private final int dQueries;
    private final int dKeys;
    private final int dValues;
    private final int size;

    /** @param start where the working memory begins */
    NarrowAttentionBackward(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        int panels = Math.toIntExact(Packing.panelSize(headWidth, tokens));
        int lanes = Math.multiplyExact(tokens, LANES);
        queries = start;
        dContexts = queries + panels;
        probabilities = dContexts + panels;
        dScores = probabilities + lanes;
        dQueries = dScores + lanes;
        dKeys = dQueries + headWidth * LANES;
        dValues = dKeys + headWidth * lanes;
        size = Math.addExact(dValues, headWidth * lanes);
    }

    /** Elements of working memory, from its beginning. */
    int size() {
        return size;
    }

    /**
     * A head.
     *
     * @param s working memory
     * @param x queries, keys and values: the head's first query at x[query], the others {@code width} and 2 width behind
     * @param width of all heads; 3 width between tokens
     * @param d the context's gradient, the head's first at d[dOut]
     * @param dX receives the gradients, laid out as x, the first query's at dX[dQuery]
     * @param lse where in s a log sum exp for each query lies, filled up to whole vectors
     * @param dots likewise, the products of context and its gradient
     */
    void head(float[] s, float[] x, int query, int width, float[] d, int dOut, float[] dX, int dQuery, int lse, int dots) {
        int stride = 3 * width;
        Packing.packTransposed(x, query, stride, headWidth, tokens, s, queries);
        Packing.packTransposed(d, dOut, width, headWidth, tokens, s, dContexts);
        Arrays.fill(s, dKeys, size, 0f);
        for (int first = 0; first < tokens; first += LANES) {
            int part = first / Gemm.PANEL * Gemm.PANEL * headWidth + first % Gemm.PANEL;
            for (int e = 0; e < headWidth; e += 4) {
                int row = part + e * Gemm.PANEL;
                addProducts(s, queries + row, x, query + width + e, stride, tokens, probabilities, e == 0);
                addProducts(s, dContexts + row, x, query + 2 * width + e, stride, tokens, dScores, e == 0);
            }
            logProbabilities(s, probabilities, tokens, lse + first, scale);
            Simd.exp(s, probabilities, tokens * LANES);
            scoreGradients(s, probabilities, dScores, tokens, dots + first, scale);
            for (int e = 0; e < headWidth; e += 4) {
                int row = part + e * Gemm.PANEL;
                weigh(s, dScores, x, query + width + e, stride, tokens, dQueries + e * LANES);
                addOuter(s, queries + row, dScores, tokens, dKeys + e * LANES, headWidth * LANES);
                addOuter(s, dContexts + row, probabilities, tokens, dValues + e * LANES, headWidth * LANES);
            }
            int count = Math.min(LANES, tokens - first);
            for (int i = 0; i < count; i++) {
                int to = dQuery + (first + i) * stride;
                for (int e = 0; e < headWidth; e++) {
                    dX[to + e] = s[dQueries + e * LANES + i];
                }
            }
        }
        for (int j = 0; j < tokens; j++) {
            int to = dQuery + j * stride;
            for (int e = 0; e < headWidth; e++) {
                int from = (j * headWidth + e) * LANES;
                dX[to + width + e] = Simd.sumLanes(s, dKeys + from);
                dX[to + 2 * width + e] = Simd.sumLanes(s, dValues + from);
            }
        }
    }

    /** product[j, :] (+)= the sum over four d of x[at + j stride + d] a[d, :]. */
    private static void addProducts(
            float[] s, int a, float[] x, int at, int stride, int count, int products, boolean first) {
        FloatVector a0 = fromArray(FLOATS, s, a);
        FloatVector a1 = fromArray(FLOATS, s, a + Gemm.PANEL);
        FloatVector a2 = fromArray(FLOATS, s, a + 2 * Gemm.PANEL);
        FloatVector a3 = fromArray(FLOATS, s, a + 3 * Gemm.PANEL);
        FloatVector zero = broadcast(FLOATS, 0);
        int from = at;
        for (int j = 0; j < count; j++) {
            int to = products + j * LANES;
            FloatVector sum = first ? zero : fromArray(FLOATS, s, to);
            // Two sums, because each multiply-add waits for the one before.
            FloatVector other = broadcast(FLOATS, x[from + 1]).mul(a1);
            sum = broadcast(FLOATS, x[from]).fma(a0, sum);
            other = broadcast(FLOATS, x[from + 3]).fma(a3, other);
            sum = broadcast(FLOATS, x[from + 2]).fma(a2, sum);
            sum.add(other).intoArray(s, to);
            from += stride;
        }
    }

    /** p = scale p - lse. */
    private static void logProbabilities(float[] s, int p, int count, int lse, float scale) {
        FloatVector factor = broadcast(FLOATS, scale);
        FloatVector shift = fromArray(FLOATS, s, lse);
        for (int i = p; i < p + count * LANES; i += LANES) {
            fromArray(FLOATS, s, i).mul(factor).sub(shift).intoArray(s, i);
        }
    }

    /** ds = scale p (ds - D). */
    private static void scoreGradients(float[] s, int p, int ds, int count, int dots, float scale) {
        FloatVector dot = fromArray(FLOATS, s, dots);
        FloatVector factor = broadcast(FLOATS, scale);
        for (int i = 0; i < count * LANES; i += LANES) {
            fromArray(FLOATS, s, ds + i).sub(dot).mul(fromArray(FLOATS, s, p + i)).mul(factor).intoArray(s, ds + i);
        }
    }

    /** sum[d, :] = the sum over j of x[at + j stride + d] p[j, :], for four d. */
    private static void weigh(float[] s, int p, float[] x, int at, int stride, int count, int sums) {
        FloatVector sum0 = broadcast(FLOATS, 0);
        FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
        int from = at;
        for (int j = 0; j < count; j++) {
            FloatVector v = fromArray(FLOATS, s, p + j * LANES);
            sum0 = broadcast(FLOATS, x[from]).fma(v, sum0);
            sum1 = broadcast(FLOATS, x[from + 1]).fma(v, sum1);
            sum2 = broadcast(FLOATS, x[from + 2]).fma(v, sum2);
            sum3 = broadcast(FLOATS, x[from + 3]).fma(v, sum3);
            from += stride;
        }
        sum0.intoArray(s, sums);
        sum1.intoArray(s, sums + LANES);
        sum2.intoArray(s, sums + 2 * LANES);
        sum3.intoArray(s, sums + 3 * LANES);
    }

    /** sum[j, d, :] += a[d, :] p[j, :], for four d. */
    private static void addOuter(float[] s, int a, int p, int count, int sums, int sumStride) {
        FloatVector a0 = fromArray(FLOATS, s, a);
        FloatVector a1 = fromArray(FLOATS, s, a + Gemm.PANEL);
        FloatVector a2 = fromArray(FLOATS, s, a + 2 * Gemm.PANEL);
        FloatVector a3 = fromArray(FLOATS, s, a + 3 * Gemm.PANEL);
        int to = sums;
        for (int j = 0; j < count; j++) {
            FloatVector v = fromArray(FLOATS, s, p + j * LANES);
            v.fma(a0, fromArray(FLOATS, s, to)).intoArray(s, to);
            v.fma(a1, fromArray(FLOATS, s, to + LANES)).intoArray(s, to + LANES);
            v.fma(a2, fromArray(FLOATS, s, to + 2 * LANES)).intoArray(s, to + 2 * LANES);
            v.fma(a3, fromArray(FLOATS, s, to + 3 * LANES)).intoArray(s, to + 3 * LANES);
            to += sumStride;
        }
    }
}
