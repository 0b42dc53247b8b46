// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, forward, for heads so narrow that a tile of a matrix product has hardly begun when it ends. Queries lie
 * along the lanes of two vectors, so that a score is a multiply-add for each of a head's elements, and largest scores and
 * sums need no horizontal operation:
 *
 * <pre>
 * s[j, :] = sum over d of k[j, d] q[d, :]        c[d, :] = sum over j of v[j, d] p[j, :] / sum over j of p[j, :]
 * </pre>
 *
 * Elements of a head go by in fours. Keys and values are read where they lie.
 */
final class NarrowAttention {
    /** The widest head for which this is faster than matrix products. */
    static final int MOST_WIDTH = 8;
    /** Queries of a block. */
    private static final int BLOCK = 2 * LANES;

    private final int tokens;
    private final int headWidth;
    private final float scale;
    // The parts of the working memory.
    private final int queries;
    private final int scores;
    private final int largest;
    private final int sums;
    private final int contexts;
    private final int size;

    /** @param start where the working memory begins */
    NarrowAttention(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        queries = start;
        scores = queries + Math.toIntExact(Packing.panelSize(headWidth, tokens));
        largest = scores + tokens * BLOCK;
        sums = largest + BLOCK;
        contexts = sums + BLOCK;
        size = contexts + headWidth * BLOCK;
    }

    static boolean suits(int headWidth) {
        return headWidth % 4 == 0 && headWidth <= MOST_WIDTH;
    }

    /** Elements of working memory, from its beginning. */
    int size() {
        return size;
    }

    /** Blocks of queries. */
    int blocks() {
        return Math.ceilDiv(tokens, BLOCK);
    }

    /** Gets the queries of a head ready for {@link #attend}. */
    void prepare(float[] scratch, float[] x, int query, int stride) {
        Packing.packTransposed(x, query, stride, headWidth, tokens, scratch, queries);
    }

    /**
     * A block of queries.
     *
     * @param x queries, keys and values, the head's first key at x[key] and its first value at x[value]
     * @param stride between tokens
     * @param c the head's first context at c[out], with {@code outStride} between tokens
     * @param lse log sum exp from lse[row] on, or an empty array
     */
    void attend(
            float[] scratch, float[] x, int key, int value, int stride, int block, float[] c, int out, int outStride,
            float[] lse, int row) {
        int first = block * BLOCK;
        int query = queries + first / Gemm.PANEL * Gemm.PANEL * headWidth + first % Gemm.PANEL;
        for (int d = 0; d < headWidth; d += 4) {
            addScores(scratch, query + d * Gemm.PANEL, x, key + d, stride, tokens, scores, d == 0);
        }
        subtractLargest(scratch, scores, tokens, largest, scale);
        Simd.exp(scratch, scores, tokens * BLOCK);
        sum(scratch, scores, tokens, sums);
        for (int d = 0; d < headWidth; d += 4) {
            weigh(scratch, scores, x, value + d, stride, tokens, sums, contexts + d * BLOCK);
        }
        int count = Math.min(BLOCK, tokens - first);
        for (int i = 0; i < count; i++) {
            int to = out + (first + i) * outStride;
            for (int d = 0; d < headWidth; d++) {
                c[to + d] = scratch[contexts + d * BLOCK + i];
            }
        }
        if (lse.length > 0) {
            for (int i = 0; i < count; i++) {
                lse[row + first + i] = (float) (scratch[largest + i] * (double) scale + Math.log(scratch[sums + i]));
            }
        }
    }

    /** s[j, :] (+)= the sum over four d of x[k + d] q[d, :]. */
    private static void addScores(
            float[] s, int query, float[] x, int key, int stride, int count, int scores, boolean first) {
        FloatVector q00 = fromArray(FLOATS, s, query);
        FloatVector q01 = fromArray(FLOATS, s, query + LANES);
        FloatVector q10 = fromArray(FLOATS, s, query + Gemm.PANEL);
        FloatVector q11 = fromArray(FLOATS, s, query + Gemm.PANEL + LANES);
        FloatVector q20 = fromArray(FLOATS, s, query + 2 * Gemm.PANEL);
        FloatVector q21 = fromArray(FLOATS, s, query + 2 * Gemm.PANEL + LANES);
        FloatVector q30 = fromArray(FLOATS, s, query + 3 * Gemm.PANEL);
        FloatVector q31 = fromArray(FLOATS, s, query + 3 * Gemm.PANEL + LANES);
        FloatVector zero = broadcast(FLOATS, 0);
        int k = key;
        for (int j = 0; j < count; j++) {
            int to = scores + j * BLOCK;
            FloatVector s0 = first ? zero : fromArray(FLOATS, s, to);
            FloatVector s1 = first ? zero : fromArray(FLOATS, s, to + LANES);
            FloatVector e = broadcast(FLOATS, x[k]);
            s0 = e.fma(q00, s0);
            s1 = e.fma(q01, s1);
            e = broadcast(FLOATS, x[k + 1]);
            s0 = e.fma(q10, s0);
            s1 = e.fma(q11, s1);
            e = broadcast(FLOATS, x[k + 2]);
            s0 = e.fma(q20, s0);
            s1 = e.fma(q21, s1);
            e = broadcast(FLOATS, x[k + 3]);
            e.fma(q30, s0).intoArray(s, to);
            e.fma(q31, s1).intoArray(s, to + LANES);
            k += stride;
        }
    }

    /** largest = the largest score of each query, and s = scale (s - largest). */
    private static void subtractLargest(float[] s, int scores, int count, int largest, float scale) {
        FloatVector m0 = fromArray(FLOATS, s, scores);
        FloatVector m1 = fromArray(FLOATS, s, scores + LANES);
        for (int j = 1; j < count; j++) {
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            FloatVector s0 = fromArray(FLOATS, s, scores + j * BLOCK);
            FloatVector s1 = fromArray(FLOATS, s, scores + j * BLOCK + LANES);
            m0 = m0.blend(s0, s0.compare(VectorOperators.GT, m0));
            m1 = m1.blend(s1, s1.compare(VectorOperators.GT, m1));
        }
        m0.intoArray(s, largest);
        m1.intoArray(s, largest + LANES);
        FloatVector factor = broadcast(FLOATS, scale);
        for (int j = 0; j < count; j++) {
            int to = scores + j * BLOCK;
            fromArray(FLOATS, s, to).sub(m0).mul(factor).intoArray(s, to);
            fromArray(FLOATS, s, to + LANES).sub(m1).mul(factor).intoArray(s, to + LANES);
        }
    }

    private static void sum(float[] s, int scores, int count, int sums) {
        FloatVector sum0 = fromArray(FLOATS, s, scores);
        FloatVector sum1 = fromArray(FLOATS, s, scores + LANES);
        for (int j = 1; j < count; j++) {
            sum0 = sum0.add(fromArray(FLOATS, s, scores + j * BLOCK));
            sum1 = sum1.add(fromArray(FLOATS, s, scores + j * BLOCK + LANES));
        }
        sum0.intoArray(s, sums);
        sum1.intoArray(s, sums + LANES);
    }

    /** Four rows of c: the sums over j of x[v + d] p[j, :], divided by the sums of p. */
    private static void weigh(
            float[] s, int scores, float[] x, int value, int stride, int count, int sums, int contexts) {
        FloatVector c00 = broadcast(FLOATS, 0);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        int v = value;
        for (int j = 0; j < count; j++) {
            FloatVector p0 = fromArray(FLOATS, s, scores + j * BLOCK);
            FloatVector p1 = fromArray(FLOATS, s, scores + j * BLOCK + LANES);
            FloatVector e = broadcast(FLOATS, x[v]);
            c00 = e.fma(p0, c00);
            c01 = e.fma(p1, c01);
            e = broadcast(FLOATS, x[v + 1]);
            c10 = e.fma(p0, c10);
            c11 = e.fma(p1, c11);
            e = broadcast(FLOATS, x[v + 2]);
            c20 = e.fma(p0, c20);
            c21 = e.fma(p1, c21);
            e = broadcast(FLOATS, x[v + 3]);
            c30 = e.fma(p0, c30);
            c31 = e.fma(p1, c31);
            v += stride;
        }
        FloatVector sum0 = fromArray(FLOATS, s, sums);
        FloatVector sum1 = fromArray(FLOATS, s, sums + LANES);
        c00.div(sum0).intoArray(s, contexts);
        c01.div(sum1).intoArray(s, contexts + LANES);
        c10.div(sum0).intoArray(s, contexts + BLOCK);
        c11.div(sum1).intoArray(s, contexts + BLOCK + LANES);
        c20.div(sum0).intoArray(s, contexts + 2 * BLOCK);
        c21.div(sum1).intoArray(s, contexts + 2 * BLOCK + LANES);
        c30.div(sum0).intoArray(s, contexts + 3 * BLOCK);
        c31.div(sum1).intoArray(s, contexts + 3 * BLOCK + LANES);
    }
}
