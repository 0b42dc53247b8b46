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
 * Where no score can be so large that its power of two overflows, which is nearly always, nothing is taken out.
 *
 * <p>Elements of a head go by in {@link Fours}. Each element of keys and values is first repeated in all lanes of a
 * vector, once for all queries.
 */
final class NarrowAttention {
    /** The widest head for which this is faster than matrix products. */
    static final int MOST_WIDTH = 8;

    private static final float LN_2 = 0.693147181f;

    private final int tokens;
    /** T filled up to whole vectors. */
    private final int padded;
    /** Of four elements of a head, eight vectors for each token: k and v, each element in all lanes. */
    private final int rows;

    private final int headWidth;
    private final float scale;
    // The parts of the working memory.
    private final int queries;
    private final int keys;
    private final int magnitudes;
    private final int mostScore;
    private final int scores;
    private final int largest;
    private final int sums;
    /** Keys and values before they are repeated; later, contexts. */
    private final int copies;

    private final int contexts;
    private final int size;

    /** @param start where the working memory begins */
    NarrowAttention(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        rows = Math.multiplyExact(8 * LANES, padded);
        queries = start;
        keys = queries + Math.multiplyExact(headWidth, padded);
        magnitudes = Math.addExact(keys, Math.multiplyExact(headWidth / 4, rows));
        mostScore = magnitudes + 2 * headWidth;
        scores = mostScore + 1;
        largest = Math.addExact(scores, tokens * LANES);
        sums = largest + padded;
        copies = sums + padded;
        contexts = copies;
        size = Math.addExact(copies, 8 * padded);
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
        for (int d = 0; d < headWidth; d += 4) {
            int q = queries + d * padded;
            Fours.gather(x, query + d, width, tokens, scratch, q, copies, copies + 4 * padded, magnitudes + 2 * d);
            Arrays.fill(scratch, q + 4 * tokens, q + 4 * padded, 0f);
            Fours.transpose(scratch, q, 4 * padded);
            Fours.repeat(scratch, copies, tokens, keys + d / 4 * rows);
            Fours.repeat(scratch, copies + 4 * padded, tokens, keys + d / 4 * rows + 4 * LANES);
        }
        scratch[mostScore] = scale * Simd.LOG2_E * Fours.mostProduct(scratch, magnitudes, headWidth);
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
        for (int i = first * LANES; i < end * LANES; i += LANES) {
            attend(scratch, i);
        }
        int from = first * LANES;
        int count = Math.min(end * LANES, tokens) - from;
        for (int d = 0; d < headWidth; d += 4) {
            int contexts = this.contexts + d * padded + 4 * from;
            Fours.transpose(scratch, contexts, 4 * LANES * (end - first));
            Fours.scatter(scratch, contexts, count, c, out + from * outStride + d, outStride);
        }
        if (lse.length > 0) {
            Simd.log(scratch, sums + from, (end - first) * LANES);
            for (int i = from; i < from + count; i++) {
                lse[row + i] = scratch[largest + i] * LN_2 + scratch[sums + i];
            }
        }
    }

    /** The vector that begins with query i. */
    private void attend(float[] s, int i) {
        boolean bounded = s[mostScore] < NarrowScores.MOST_SCORE;
        float factor = scale * Simd.LOG2_E;
        int last = headWidth / 4 - 1;
        for (int four = 0; four <= last; four++) {
            int query = queries + 4 * (four * padded + i);
            int row = keys + four * rows;
            if (bounded && four == last) {
                NarrowScores.addProductsAndRaise(s, query, factor, row, tokens * LANES, scores, four == 0);
            } else {
                NarrowScores.addProducts(s, query, factor, row, tokens * LANES, scores, four == 0);
            }
        }
        if (bounded) {
            broadcast(FLOATS, 0).intoArray(s, largest + i);
        } else {
            subtractLargest(s, largest + i);
            Simd.exp2(s, scores, tokens * LANES);
        }
        for (int four = 0; four <= last; four++) {
            average(s, keys + four * rows + 4 * LANES, bounded ? NarrowScores.POWER : 1, sums + i,
                    contexts + 4 * (four * padded + i));
        }
    }

    /** Takes the largest score of each query out of its scores. */
    private void subtractLargest(float[] s, int largest) {
        FloatVector most = broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        for (int j = scores; j < scores + tokens * LANES; j += LANES) {
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            FloatVector x = fromArray(FLOATS, s, j);
            most = most.blend(x, x.compare(VectorOperators.GT, most));
        }
        most.rearrange(Fours.BY_ROW).intoArray(s, largest);
        for (int j = scores; j < scores + tokens * LANES; j += LANES) {
            fromArray(FLOATS, s, j).sub(most).intoArray(s, j);
        }
    }

    /**
     * Four rows of c: the sums over j of v[j, d] p[j, :], divided by the sums of p.
     *
     * @param power what p has to be multiplied by
     */
    private void average(float[] s, int values, float power, int sums, int context) {
        FloatVector sum = broadcast(FLOATS, 0);
        FloatVector c0 = sum, c1 = sum, c2 = sum, c3 = sum;
        for (int j = 0; j < tokens * LANES; j += LANES) {
            int row = values + 8 * j;
            FloatVector p = fromArray(FLOATS, s, scores + j);
            sum = p.add(sum);
            c0 = p.fma(fromArray(FLOATS, s, row), c0);
            c1 = p.fma(fromArray(FLOATS, s, row + LANES), c1);
            c2 = p.fma(fromArray(FLOATS, s, row + 2 * LANES), c2);
            c3 = p.fma(fromArray(FLOATS, s, row + 3 * LANES), c3);
        }
        sum.mul(power).rearrange(Fours.BY_ROW).intoArray(s, sums);
        FloatVector inverse = broadcast(FLOATS, 1).div(sum);
        c0.mul(inverse).intoArray(s, context);
        c1.mul(inverse).intoArray(s, context + LANES);
        c2.mul(inverse).intoArray(s, context + 2 * LANES);
        c3.mul(inverse).intoArray(s, context + 3 * LANES);
    }
}
