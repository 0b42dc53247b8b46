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
 * Elements of a head go by in fours. Each element of keys, times scale log2 e, and of values is first repeated in all lanes
 * of a vector, once for all blocks of queries.
 */
final class NarrowAttention {
    /** The widest head for which this is faster than matrix products. */
    static final int MOST_WIDTH = 8;
    /** Queries of a block. */
    private static final int BLOCK = 2 * LANES;

    private static final float LN_2 = 0.693147181f;

    private final int tokens;
    private final int headWidth;
    private final float scale;
    // The parts of the working memory.
    private final int queries;
    private final int keys;
    private final int values;
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
        int rows = Math.multiplyExact(headWidth * LANES, tokens);
        keys = queries + Math.toIntExact(Packing.panelSize(headWidth, tokens));
        values = keys + rows;
        scores = Math.addExact(values, rows);
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

    /**
     * Gets a head ready for {@link #attend}.
     *
     * @param x queries, keys and values: the head's first query at x[query], the others {@code width} and 2 width behind
     * @param width of all heads; 3 width between tokens
     */
    void prepare(float[] scratch, float[] x, int query, int width) {
        int stride = 3 * width;
        Packing.packTransposed(x, query, stride, headWidth, tokens, scratch, queries);
        for (int d = 0; d < headWidth; d += 4) {
            int rows = d * LANES * tokens;
            repeat(x, query + width + d, stride, tokens, scale * Simd.LOG2_E, scratch, keys + rows);
            repeat(x, query + 2 * width + d, stride, tokens, 1, scratch, values + rows);
        }
    }

    /** Four elements of each token, each times {@code factor} in all lanes of a vector. */
    static void repeat(float[] x, int start, int stride, int count, float factor, float[] s, int to) {
        int from = start;
        for (int i = 0; i < count; i++) {
            broadcast(FLOATS, x[from] * factor).intoArray(s, to + 4 * i * LANES);
            broadcast(FLOATS, x[from + 1] * factor).intoArray(s, to + 4 * i * LANES + LANES);
            broadcast(FLOATS, x[from + 2] * factor).intoArray(s, to + 4 * i * LANES + 2 * LANES);
            broadcast(FLOATS, x[from + 3] * factor).intoArray(s, to + 4 * i * LANES + 3 * LANES);
            from += stride;
        }
    }

    /**
     * A block of queries.
     *
     * @param c the head's first context at c[out], with {@code outStride} between tokens
     * @param lse log sum exp from lse[row] on, or an empty array
     */
    void attend(float[] scratch, int block, float[] c, int out, int outStride, float[] lse, int row) {
        int first = block * BLOCK;
        int query = queries + first / Gemm.PANEL * Gemm.PANEL * headWidth + first % Gemm.PANEL;
        int rows = LANES * tokens;
        for (int d = 0; d < headWidth; d += 4) {
            addScores(scratch, query + d * Gemm.PANEL, keys + d * rows, tokens, scores, d == 0);
        }
        largest(scratch, scores, tokens, largest);
        probabilities(scratch, scores, tokens, largest, sums);
        for (int d = 0; d < headWidth; d += 4) {
            weigh(scratch, scores, values + d * rows, tokens, sums, contexts + d * BLOCK);
        }
        int count = Math.min(BLOCK, tokens - first);
        for (int d = 0; d < headWidth; d += 4) {
            unpack(scratch, contexts + d * BLOCK, BLOCK, 1, c, out + first * outStride + d, outStride, count);
        }
        if (lse.length > 0) {
            Simd.log(scratch, sums, BLOCK);
            for (int i = 0; i < count; i++) {
                lse[row + first + i] = scratch[largest + i] * LN_2 + scratch[sums + i];
            }
        }
    }

    /** Four rows of s, from one to the next {@code padded}, become elements of tokens. */
    static void unpack(
            float[] s, int from, int padded, float factor, float[] x, int start, int stride, int count) {
        int to = start;
        for (int j = from; j < from + count; j++) {
            x[to] = s[j] * factor;
            x[to + 1] = s[j + padded] * factor;
            x[to + 2] = s[j + 2 * padded] * factor;
            x[to + 3] = s[j + 3 * padded] * factor;
            to += stride;
        }
    }

    /** s[j, :] (+)= the sum over four d of k[j, d] q[d, :]. */
    private static void addScores(float[] s, int query, int keys, int count, int scores, boolean first) {
        FloatVector q00 = fromArray(FLOATS, s, query);
        FloatVector q01 = fromArray(FLOATS, s, query + LANES);
        FloatVector q10 = fromArray(FLOATS, s, query + Gemm.PANEL);
        FloatVector q11 = fromArray(FLOATS, s, query + Gemm.PANEL + LANES);
        FloatVector q20 = fromArray(FLOATS, s, query + 2 * Gemm.PANEL);
        FloatVector q21 = fromArray(FLOATS, s, query + 2 * Gemm.PANEL + LANES);
        FloatVector q30 = fromArray(FLOATS, s, query + 3 * Gemm.PANEL);
        FloatVector q31 = fromArray(FLOATS, s, query + 3 * Gemm.PANEL + LANES);
        FloatVector zero = broadcast(FLOATS, 0);
        for (int j = 0; j < count; j++) {
            int to = scores + j * BLOCK;
            FloatVector s0 = first ? zero : fromArray(FLOATS, s, to);
            FloatVector s1 = first ? zero : fromArray(FLOATS, s, to + LANES);
            FloatVector e = fromArray(FLOATS, s, keys + 4 * j * LANES);
            s0 = e.fma(q00, s0);
            s1 = e.fma(q01, s1);
            e = fromArray(FLOATS, s, keys + 4 * j * LANES + LANES);
            s0 = e.fma(q10, s0);
            s1 = e.fma(q11, s1);
            e = fromArray(FLOATS, s, keys + 4 * j * LANES + 2 * LANES);
            s0 = e.fma(q20, s0);
            s1 = e.fma(q21, s1);
            e = fromArray(FLOATS, s, keys + 4 * j * LANES + 3 * LANES);
            e.fma(q30, s0).intoArray(s, to);
            e.fma(q31, s1).intoArray(s, to + LANES);
        }
    }

    /** The largest score of each query. */
    private static void largest(float[] s, int scores, int count, int largest) {
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
    }

    /** p = 2^(s - largest), see {@link Simd#exp2}, and their sums. */
    private static void probabilities(float[] s, int scores, int count, int largest, int sums) {
        for (int half = 0; half < BLOCK; half += LANES) {
            FloatVector most = fromArray(FLOATS, s, largest + half);
            FloatVector sum = broadcast(FLOATS, 0);
            int from = scores + half;
            for (int j = 0; j < count; j++) {
                FloatVector x = fromArray(FLOATS, s, from + j * BLOCK).sub(most);
                x = x.blend(Simd.LEAST_EXPONENT, x.compare(VectorOperators.LT, Simd.LEAST_EXPONENT));
                FloatVector rounded = x.add(Simd.ROUND);
                FloatVector r = x.sub(rounded.sub(Simd.ROUND));
                FloatVector p = broadcast(FLOATS, Simd.EXP2_6);
                p = p.fma(r, broadcast(FLOATS, Simd.EXP2_5));
                p = p.fma(r, broadcast(FLOATS, Simd.EXP2_4));
                p = p.fma(r, broadcast(FLOATS, Simd.EXP2_3));
                p = p.fma(r, broadcast(FLOATS, Simd.EXP2_2));
                p = p.fma(r, broadcast(FLOATS, Simd.EXP2_1));
                p = p.fma(r, broadcast(FLOATS, 1));
                p = p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                        .reinterpretAsFloats();
                p.intoArray(s, from + j * BLOCK);
                sum = sum.add(p);
            }
            sum.intoArray(s, sums + half);
        }
    }

    /** Four rows of c: the sums over j of v[j, d] p[j, :], divided by the sums of p. */
    private static void weigh(float[] s, int scores, int values, int count, int sums, int contexts) {
        FloatVector c00 = broadcast(FLOATS, 0);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        for (int j = 0; j < count; j++) {
            FloatVector p0 = fromArray(FLOATS, s, scores + j * BLOCK);
            FloatVector p1 = fromArray(FLOATS, s, scores + j * BLOCK + LANES);
            FloatVector e = fromArray(FLOATS, s, values + 4 * j * LANES);
            c00 = e.fma(p0, c00);
            c01 = e.fma(p1, c01);
            e = fromArray(FLOATS, s, values + 4 * j * LANES + LANES);
            c10 = e.fma(p0, c10);
            c11 = e.fma(p1, c11);
            e = fromArray(FLOATS, s, values + 4 * j * LANES + 2 * LANES);
            c20 = e.fma(p0, c20);
            c21 = e.fma(p1, c21);
            e = fromArray(FLOATS, s, values + 4 * j * LANES + 3 * LANES);
            c30 = e.fma(p0, c30);
            c31 = e.fma(p1, c31);
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
