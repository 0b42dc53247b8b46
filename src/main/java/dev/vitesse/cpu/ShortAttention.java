// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.ShortProducts.STRIDE;
import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, forward, for so few tokens that all scores of a head stay in the nearest caches. Queries lie along the
 * lanes, so that largest scores and sums need no horizontal operation, and so that the second product finds its left
 * operand by columns. {@link ShortProducts} wants all operands copied, which takes a tenth of the time of the products.
 *
 * <pre>
 * S^T = K (scale log2 e Q)^T        P^T = 2^(S^T - largest)        C = (P^T)^T V / sums
 * </pre>
 */
final class ShortAttention {
    /** The widest head: products of wider ones take so long that packing hardly counts. */
    private static final int MOST_WIDTH = 32;

    private static final float LN_2 = 0.693147181f;

    private final int tokens;
    /** T filled up to whole vectors: from one row of the scores to the next. */
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
    private final int size;

    /** @param start where the working memory begins */
    ShortAttention(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        queries = start;
        keys = queries + headWidth * ShortProducts.STRIDE;
        values = keys + tokens * headWidth;
        scores = values + tokens * headWidth;
        largest = scores + tokens * ShortProducts.STRIDE;
        sums = largest + padded;
        size = sums + padded;
    }

    /** Whether tiles fit, both the head's and those of the scores. */
    static boolean suits(int tokens, int headWidth) {
        return headWidth > 0 && headWidth % ShortProducts.PANEL == 0 && headWidth <= MOST_WIDTH && tokens > LANES
                && tokens >= ShortProducts.ROWS && tokens <= ShortProducts.MOST_TOKENS;
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
     * @param c receives the contexts, the head's first at c[out]
     * @param lse log sum exp from lse[row] on, or an empty array
     */
    void head(float[] s, float[] x, int query, int width, float[] c, int out, float[] lse, int row) {
        int stride = 3 * width;
        ShortProducts.transpose(x, query, stride, tokens, headWidth, scale * Simd.LOG2_E, s, queries);
        ShortProducts.copy(x, query + width, stride, tokens, headWidth, s, keys);
        ShortProducts.copy(x, query + 2 * width, stride, tokens, headWidth, s, values);
        ShortProducts.scores(headWidth, s, keys, tokens, queries, padded, scores);
        for (int column = 0; column < padded; column += LANES) {
            largest(s, scores + column, tokens, largest + column);
            probabilities(s, scores + column, tokens, largest + column, sums + column);
        }
        for (int d = 0; d < headWidth; d += 2 * LANES) {
            ShortProducts.byColumns(tokens, s, scores, tokens, ShortProducts.pair(values, tokens, d), c, out + d, width);
        }
        CpuAttention.divide(c, out, tokens, width, headWidth, s, sums);
        if (lse.length > 0) {
            Simd.log(s, sums, padded);
            for (int i = 0; i < tokens; i++) {
                lse[row + i] = s[largest + i] * LN_2 + s[sums + i];
            }
        }
    }

    /** The largest of a vector of columns. */
    private static void largest(float[] s, int scores, int count, int largest) {
        FloatVector most = fromArray(FLOATS, s, scores);
        for (int j = 1; j < count; j++) {
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            FloatVector score = fromArray(FLOATS, s, scores + j * STRIDE);
            most = most.blend(score, score.compare(VectorOperators.GT, most));
        }
        most.intoArray(s, largest);
    }

    /** p = 2^(s - largest), see {@link Simd#exp2}, and their sum, of a vector of columns. */
    private static void probabilities(float[] s, int scores, int count, int largest, int sums) {
        FloatVector most = fromArray(FLOATS, s, largest);
        FloatVector sum = broadcast(FLOATS, 0);
        for (int j = 0; j < count; j++) {
            int from = scores + j * STRIDE;
            FloatVector x = fromArray(FLOATS, s, from).sub(most);
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
            p.intoArray(s, from);
            // Not sum.add: a loop's result has no exact type yet where C2 decides what to inline.
            sum = p.add(sum);
        }
        sum.intoArray(s, sums);
    }
}
