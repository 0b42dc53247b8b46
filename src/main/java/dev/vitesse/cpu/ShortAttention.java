// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.ShortOperands.STRIDE;
import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, forward, for so few tokens that all scores of a head stay in the nearest caches. Queries lie along the
 * lanes, so that largest scores and sums need no horizontal operation, and so that the second product finds its left
 * operand by columns. All operands are copied first, see {@link ShortOperands}.
 *
 * <pre>
 * S^T = K (scale log2 e Q)^T        P^T = 2^(S^T - largest)        C = (P^T)^T V / sums
 * </pre>
 */
final class ShortAttention {
    /** The widest head: products of wider ones take so long that packing hardly counts. */
    private static final int MOST_WIDTH = 32;

    /**
     * Up to here, the largest score need not be taken out, nor a score be limited: there is room for the sum of
     * {@link ShortOperands#MOST_TOKENS} powers of two times values up to 2^60, and a probability is at least 2^(-59 - 59 -
     * log2 T), a normal number.
     */
    static final float MOST_SCORE = 59;

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
    private final int factors;
    private final int size;

    /** @param start where the working memory begins */
    ShortAttention(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        queries = start;
        keys = queries + headWidth * ShortOperands.STRIDE;
        values = keys + tokens * headWidth;
        scores = values + tokens * headWidth;
        largest = scores + tokens * ShortOperands.STRIDE;
        sums = largest + padded;
        factors = sums + padded;
        size = factors + padded;
    }

    /** Whether tiles fit, both the head's and those of the scores. */
    static boolean suits(int tokens, int headWidth) {
        return headWidth > 0 && headWidth % ShortOperands.PANEL == 0 && headWidth <= MOST_WIDTH && tokens > LANES
                && tokens >= ShortProducts.ROWS && tokens <= ShortOperands.MOST_TOKENS;
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
        ShortOperands.transpose(x, query, stride, tokens, headWidth, scale * Simd.LOG2_E, s, queries);
        ShortOperands.copy(x, query + width, stride, tokens, headWidth, 1, s, keys);
        ShortOperands.copy(x, query + 2 * width, stride, tokens, headWidth, 1, s, values);
        float most = ShortProducts.scores(headWidth, s, keys, tokens, queries, padded, scores, sums);
        Arrays.fill(s, largest, largest + padded, 0f);
        if (!(most <= MOST_SCORE)) {
            for (int column = 0; column < padded; column += LANES) {
                shift(s, scores + column, tokens, largest + column);
            }
        }
        for (int column = 0; column < padded; column += LANES) {
            probabilities(s, scores + column, tokens, sums + column, factors + column);
        }
        for (int d = 0; d < headWidth; d += 2 * LANES) {
            ShortProducts.byColumns(tokens, s, scores, tokens, ShortOperands.pair(values, tokens, d), factors, c, out + d,
                    width);
        }
        if (lse.length > 0) {
            Simd.log(s, sums, padded);
            for (int i = 0; i < tokens; i++) {
                lse[row + i] = s[largest + i] * LN_2 + s[sums + i];
            }
        }
    }

    /** The largest score of each query, which is taken out of all. Of a vector of columns. */
    private static void shift(float[] s, int scores, int count, int largest) {
        FloatVector most = fromArray(FLOATS, s, scores);
        for (int j = 1; j < count; j++) {
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            FloatVector score = fromArray(FLOATS, s, scores + j * STRIDE);
            most = most.blend(score, score.compare(VectorOperators.GT, most));
        }
        most.intoArray(s, largest);
        for (int j = 0; j < count; j++) {
            FloatVector x = fromArray(FLOATS, s, scores + j * STRIDE).sub(fromArray(FLOATS, s, largest));
            x.blend(Simd.LEAST_EXPONENT, x.compare(VectorOperators.LT, Simd.LEAST_EXPONENT))
                    .intoArray(s, scores + j * STRIDE);
        }
    }

    /**
     * p = 2^s, see {@link Simd#exp2}, their sum and its inverse, of a vector of columns. The polynomial is summed in pairs:
     * the processor waits for the chain of operations, not for one more of them.
     */
    private static void probabilities(float[] s, int scores, int count, int sums, int factors) {
        FloatVector sum = broadcast(FLOATS, 0);
        for (int j = 0; j < count; j++) {
            FloatVector x = fromArray(FLOATS, s, scores + j * STRIDE);
            FloatVector rounded = x.add(Simd.ROUND);
            FloatVector r = x.sub(rounded.sub(Simd.ROUND));
            FloatVector z = r.mul(r);
            FloatVector p = r.fma(broadcast(FLOATS, Simd.EXP2_6), broadcast(FLOATS, Simd.EXP2_5));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_4), broadcast(FLOATS, Simd.EXP2_3)));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_2), broadcast(FLOATS, Simd.EXP2_1)));
            p = r.fma(p, broadcast(FLOATS, 1));
            p = p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            p.intoArray(s, scores + j * STRIDE);
            // Not sum.add: a loop's result has no exact type yet where C2 decides what to inline.
            sum = p.add(sum);
        }
        sum.intoArray(s, sums);
        broadcast(FLOATS, 1).div(sum).intoArray(s, factors);
    }
}
