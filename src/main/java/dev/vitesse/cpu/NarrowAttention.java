// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, forward, for heads so narrow that a tile of a matrix product has hardly begun when it ends. Queries lie
 * along the lanes of a vector, so that a score is a multiply-add for each of a head's elements, and largest scores and
 * sums need no horizontal operation:
 *
 * <pre>
 * s[j, :] = sum over d of k[j, d] q'[d, :]        q' = q scale log2 e
 * p[j, :] = 2^(s[j, :] - largest)        c[d, :] = sum over j of v[j, d] p[j, :] / sum over j of p[j, :]
 * </pre>
 *
 * Elements of a head go by in fours. Each element of keys and values is first repeated in all lanes of a vector, once for
 * all queries.
 */
final class NarrowAttention {
    /** The widest head for which this is faster than matrix products. */
    static final int MOST_WIDTH = 8;

    private static final float LN_2 = 0.693147181f;

    private final int tokens;
    /** T filled up to whole vectors: from one element of a head to the next where tokens lie along lanes. */
    private final int padded;

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
        padded = Simd.whole(tokens);
        queries = start;
        int rows = Math.multiplyExact(headWidth * LANES, tokens);
        keys = queries + Math.multiplyExact(headWidth, padded);
        values = keys + rows;
        scores = Math.addExact(values, rows);
        largest = scores + tokens * LANES;
        sums = largest + padded;
        contexts = sums + padded;
        size = Math.addExact(contexts, headWidth * padded);
    }

    static boolean suits(int headWidth) {
        return headWidth % 4 == 0 && headWidth <= MOST_WIDTH;
    }

    /** Elements of working memory, from its beginning. */
    int size() {
        return size;
    }

    /** Vectors of queries. */
    int vectors() {
        return padded / LANES;
    }

    /**
     * Gets a head ready for {@link #attend}.
     *
     * @param x queries, keys and values: the head's first query at x[query], the others {@code width} and 2 width behind
     * @param width of all heads; 3 width between tokens
     */
    void prepare(float[] scratch, float[] x, int query, int width) {
        Arrays.fill(scratch, queries, keys, 0f);
        for (int d = 0; d < headWidth; d += 4) {
            prepareFour(scratch, x, query + d, width, d);
        }
    }

    /** Elements d to d + 3 of all tokens. One loop for all of them: several would repeat its checks and its counting. */
    private void prepareFour(float[] s, float[] x, int query, int width, int d) {
        float factor = scale * Simd.LOG2_E;
        int q = queries + d * padded;
        int rows = d * LANES * tokens;
        int from = query;
        for (int i = 0; i < tokens; i++) {
            s[q + i] = x[from] * factor;
            s[q + padded + i] = x[from + 1] * factor;
            s[q + 2 * padded + i] = x[from + 2] * factor;
            s[q + 3 * padded + i] = x[from + 3] * factor;
            int key = from + width;
            int k = keys + rows + 4 * i * LANES;
            broadcast(FLOATS, x[key]).intoArray(s, k);
            broadcast(FLOATS, x[key + 1]).intoArray(s, k + LANES);
            broadcast(FLOATS, x[key + 2]).intoArray(s, k + 2 * LANES);
            broadcast(FLOATS, x[key + 3]).intoArray(s, k + 3 * LANES);
            int value = key + width;
            int v = values + rows + 4 * i * LANES;
            broadcast(FLOATS, x[value]).intoArray(s, v);
            broadcast(FLOATS, x[value + 1]).intoArray(s, v + LANES);
            broadcast(FLOATS, x[value + 2]).intoArray(s, v + 2 * LANES);
            broadcast(FLOATS, x[value + 3]).intoArray(s, v + 3 * LANES);
            from += 3 * width;
        }
    }

    /**
     * Some vectors of queries.
     *
     * @param first vector of queries
     * @param end the vector behind the last
     * @param c the head's first context at c[out], with {@code outStride} between tokens
     * @param lse log sum exp from lse[row] on, or an empty array
     */
    void attend(float[] scratch, int first, int end, float[] c, int out, int outStride, float[] lse, int row) {
        int last = headWidth - 4;
        int rows = LANES * tokens;
        int from = first * LANES;
        for (int i = from; i < end * LANES; i += LANES) {
            for (int d = 0; d < last; d += 4) {
                addScores(scratch, queries + d * padded + i, padded, keys + d * rows, tokens, scores, d == 0);
            }
            lastScores(scratch, queries + last * padded + i, padded, keys + last * rows, tokens, scores, largest + i,
                    last == 0);
            probabilities(scratch, scores, values, tokens, largest + i, sums + i, contexts + i, padded);
            for (int d = 4; d < headWidth; d += 4) {
                weigh(scratch, scores, values + d * rows, tokens, sums + i, contexts + d * padded + i, padded);
            }
        }
        int count = Math.min(end * LANES, tokens) - from;
        for (int d = 0; d < headWidth; d += 4) {
            unpackFour(scratch, contexts + d * padded + from, c, out + from * outStride + d, outStride, count);
        }
        if (lse.length > 0) {
            Simd.log(scratch, sums + from, (end - first) * LANES);
            for (int i = from; i < from + count; i++) {
                lse[row + i] = scratch[largest + i] * LN_2 + scratch[sums + i];
            }
        }
    }

    /** Four rows of contexts become elements of tokens. */
    private void unpackFour(float[] s, int from, float[] c, int start, int stride, int count) {
        int to = start;
        for (int i = from; i < from + count; i++) {
            c[to] = s[i];
            c[to + 1] = s[i + padded];
            c[to + 2] = s[i + 2 * padded];
            c[to + 3] = s[i + 3 * padded];
            to += stride;
        }
    }

    /** s[j, :] (+)= the sum over four d of k[j, d] q[d, :]. */
    private static void addScores(
            float[] s, int query, int padded, int keys, int count, int scores, boolean first) {
        FloatVector q0 = fromArray(FLOATS, s, query);
        FloatVector q1 = fromArray(FLOATS, s, query + padded);
        FloatVector q2 = fromArray(FLOATS, s, query + 2 * padded);
        FloatVector q3 = fromArray(FLOATS, s, query + 3 * padded);
        FloatVector zero = broadcast(FLOATS, 0);
        for (int j = 0; j < count; j++) {
            FloatVector sum = first ? zero : fromArray(FLOATS, s, scores + j * LANES);
            sum = q0.fma(fromArray(FLOATS, s, keys + 4 * j * LANES), sum);
            sum = q1.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + LANES), sum);
            sum = q2.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + 2 * LANES), sum);
            sum = q3.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + 3 * LANES), sum);
            sum.intoArray(s, scores + j * LANES);
        }
    }

    /** {@link #addScores} of the last four elements, and the largest score of each query. */
    private static void lastScores(
            float[] s, int query, int padded, int keys, int count, int scores, int largest, boolean first) {
        FloatVector q0 = fromArray(FLOATS, s, query);
        FloatVector q1 = fromArray(FLOATS, s, query + padded);
        FloatVector q2 = fromArray(FLOATS, s, query + 2 * padded);
        FloatVector q3 = fromArray(FLOATS, s, query + 3 * padded);
        FloatVector zero = broadcast(FLOATS, 0);
        FloatVector most = broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int j = 0; j < count; j++) {
            FloatVector sum = first ? zero : fromArray(FLOATS, s, scores + j * LANES);
            sum = q0.fma(fromArray(FLOATS, s, keys + 4 * j * LANES), sum);
            sum = q1.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + LANES), sum);
            sum = q2.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + 2 * LANES), sum);
            sum = q3.fma(fromArray(FLOATS, s, keys + 4 * j * LANES + 3 * LANES), sum);
            sum.intoArray(s, scores + j * LANES);
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            most = most.blend(sum, sum.compare(VectorOperators.GT, most));
        }
        most.intoArray(s, largest);
    }

    /**
     * p = 2^(s - largest), see {@link Simd#exp2}, their sums, and four rows of c, see {@link #weigh}. The polynomial is
     * summed in pairs: one operation more, but a shorter chain of them.
     */
    private static void probabilities(
            float[] s, int scores, int values, int count, int largest, int sums, int contexts, int padded) {
        FloatVector sum = broadcast(FLOATS, 0);
        FloatVector shift = sum.sub(fromArray(FLOATS, s, largest));
        FloatVector c0 = sum, c1 = sum, c2 = sum, c3 = sum;
        for (int j = 0; j < count; j++) {
            FloatVector x = shift.add(fromArray(FLOATS, s, scores + j * LANES));
            x = x.blend(Simd.LEAST_EXPONENT, x.compare(VectorOperators.LT, Simd.LEAST_EXPONENT));
            FloatVector rounded = x.add(Simd.ROUND);
            FloatVector r = x.sub(rounded.sub(Simd.ROUND));
            FloatVector z = r.mul(r);
            FloatVector p = r.fma(broadcast(FLOATS, Simd.EXP2_6), broadcast(FLOATS, Simd.EXP2_5));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_4), broadcast(FLOATS, Simd.EXP2_3)));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_2), broadcast(FLOATS, Simd.EXP2_1)));
            p = r.fma(p, broadcast(FLOATS, 1));
            p = p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            p.intoArray(s, scores + j * LANES);
            sum = sum.add(p);
            c0 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES), c0);
            c1 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + LANES), c1);
            c2 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + 2 * LANES), c2);
            c3 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + 3 * LANES), c3);
        }
        sum.intoArray(s, sums);
        c0.div(sum).intoArray(s, contexts);
        c1.div(sum).intoArray(s, contexts + padded);
        c2.div(sum).intoArray(s, contexts + 2 * padded);
        c3.div(sum).intoArray(s, contexts + 3 * padded);
    }

    /** Four rows of c: the sums over j of v[j, d] p[j, :], divided by the sums of p. */
    private static void weigh(float[] s, int scores, int values, int count, int sums, int contexts, int padded) {
        FloatVector c0 = broadcast(FLOATS, 0);
        FloatVector c1 = c0, c2 = c0, c3 = c0;
        for (int j = 0; j < count; j++) {
            FloatVector p = fromArray(FLOATS, s, scores + j * LANES);
            c0 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES), c0);
            c1 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + LANES), c1);
            c2 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + 2 * LANES), c2);
            c3 = p.fma(fromArray(FLOATS, s, values + 4 * j * LANES + 3 * LANES), c3);
        }
        FloatVector sum = fromArray(FLOATS, s, sums);
        c0.div(sum).intoArray(s, contexts);
        c1.div(sum).intoArray(s, contexts + padded);
        c2.div(sum).intoArray(s, contexts + 2 * padded);
        c3.div(sum).intoArray(s, contexts + 3 * padded);
    }
}
