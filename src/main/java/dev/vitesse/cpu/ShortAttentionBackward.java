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
 * Attention, backward, for so few tokens that all scores of a head and their gradients stay in the nearest
 * caches, see {@link ShortAttention}. Here keys lie along the lanes: two of the last three products then
 * find their left operand by columns, and only keys and values are transposed.
 *
 * <pre>
 * P = 2^(scale Q (log2 e K)^T - log2 e lse)        dP = dC V^T        D[i] = dC[i] . C[i]        dS = P (dP - D)
 * dV = P^T dC        dK = dS^T (scale Q)        dQ = dS (scale K)
 * </pre>
 */
final class ShortAttentionBackward {
    private final int tokens;
    /** T filled up to whole vectors: from one row of the scores to the next. */
    private final int padded;

    private final int headWidth;
    private final float scale;
    // The parts of the working memory.
    private final int keysTransposed;
    private final int valuesTransposed;
    private final int queries;
    private final int keys;
    private final int dContexts;
    private final int dots;
    private final int products;
    private final int transposed;
    private final int ones;
    private final int shifts;
    private final int probabilities;
    private final int dScores;
    private final int size;

    /** @param start where the working memory begins */
    ShortAttentionBackward(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        keysTransposed = start;
        valuesTransposed = keysTransposed + headWidth * STRIDE;
        queries = valuesTransposed + headWidth * STRIDE;
        keys = queries + tokens * headWidth;
        dContexts = keys + tokens * headWidth;
        products = dContexts + tokens * headWidth;
        transposed = products + tokens * LANES;
        ones = transposed + LANES * STRIDE;
        shifts = ones + padded;
        dots = shifts + padded;
        probabilities = dots + padded;
        dScores = probabilities + tokens * STRIDE;
        size = dScores + tokens * STRIDE;
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
     * @param c the contexts, the head's first at c[out]
     * @param d their gradient, the head's first at d[dOut]
     * @param dX receives the gradients, laid out as x, the first query's at dX[dQuery]
     * @param lse a log sum exp for each query from lse[row] on
     */
    void head(
            float[] s, float[] x, int query, int width, float[] c, int out, float[] d, int dOut, float[] dX, int dQuery,
            float[] lse, int row) {
        int stride = 3 * width;
        ShortOperands.transpose(x, query + width, stride, tokens, headWidth, Simd.LOG2_E, s, keysTransposed);
        ShortOperands.transpose(x, query + 2 * width, stride, tokens, headWidth, 1, s, valuesTransposed);
        ShortOperands.copy(x, query, stride, tokens, headWidth, scale, s, queries);
        ShortOperands.copy(x, query + width, stride, tokens, headWidth, scale, s, keys);
        ShortOperands.copy(d, dOut, width, tokens, headWidth, 1, s, dContexts);
        dots(s, c, out, width);
        for (int i = 0; i < tokens; i++) {
            s[shifts + i] = -Simd.LOG2_E * lse[row + i];
        }
        float most = ShortProducts.scores(headWidth, s, queries, tokens, keysTransposed, padded, probabilities, ones);
        ShortProducts.scores(headWidth, s, dContexts, tokens, valuesTransposed, padded, dScores, ones);
        for (int column = 0; column < padded; column += LANES) {
            if (!(most <= ShortAttention.MOST_SCORE)) {
                limit(s, probabilities + column, tokens, shifts);
            }
            scoreGradients(s, probabilities + column, dScores + column, tokens, shifts, dots);
        }
        Arrays.fill(s, ones, ones + tokens, 1f);
        for (int e = 0; e < headWidth; e += 2 * LANES) {
            ShortProducts.byColumns(tokens, s, probabilities, tokens, ShortOperands.pair(dContexts, tokens, e), ones, dX,
                    dQuery + 2 * width + e, stride);
            ShortProducts.byColumns(tokens, s, dScores, tokens, ShortOperands.pair(queries, tokens, e), ones, dX,
                    dQuery + width + e, stride);
            ShortProducts.byRows(tokens, s, dScores, tokens, ShortOperands.pair(keys, tokens, e), dX, dQuery + e, stride);
        }
    }

    /** -D. The sum over lanes is one over rows, after tokens were put along the lanes. */
    private void dots(float[] s, float[] c, int out, int width) {
        for (int i = 0; i < tokens; i++) {
            broadcast(FLOATS, 0).intoArray(s, products + i * LANES);
        }
        for (int e = 0; e < headWidth; e += 2 * LANES) {
            addProducts(s, ShortOperands.pair(dContexts, tokens, e), c, out + e, width, tokens, products);
        }
        ShortOperands.transpose(s, products, LANES, tokens, LANES, -1, s, transposed);
        for (int i = 0; i < padded; i += LANES) {
            FloatVector sum = fromArray(FLOATS, s, transposed + i);
            for (int lane = 1; lane < LANES; lane++) {
                sum = fromArray(FLOATS, s, transposed + lane * STRIDE + i).add(sum);
            }
            sum.intoArray(s, dots + i);
        }
    }

    private static void addProducts(float[] s, int d, float[] c, int start, int stride, int count, int to) {
        int from = start;
        for (int i = 0; i < count; i++) {
            FloatVector sum = fromArray(FLOATS, s, to + i * LANES);
            sum = fromArray(FLOATS, s, d + i * ShortOperands.PANEL).fma(fromArray(FLOATS, c, from), sum);
            fromArray(FLOATS, s, d + i * ShortOperands.PANEL + LANES).fma(fromArray(FLOATS, c, from + LANES), sum)
                    .intoArray(s, to + i * LANES);
            from += stride;
        }
    }

    /** Raises scores so that score + shift is at least the least exponent. Of a vector of columns. */
    private static void limit(float[] s, int scores, int count, int shifts) {
        for (int i = 0; i < count; i++) {
            FloatVector least = broadcast(FLOATS, Simd.LEAST_EXPONENT).sub(broadcast(FLOATS, s[shifts + i]));
            FloatVector x = fromArray(FLOATS, s, scores + i * STRIDE);
            x.blend(least, x.compare(VectorOperators.LT, least)).intoArray(s, scores + i * STRIDE);
        }
    }

    /** p = 2^(p + shift), see {@link Simd#exp2}, and ds = p (ds + dot), of a vector of columns. */
    private static void scoreGradients(float[] s, int scores, int gradients, int count, int shifts, int dots) {
        for (int i = 0; i < count; i++) {
            int at = scores + i * STRIDE;
            int gradient = gradients + i * STRIDE;
            FloatVector x = broadcast(FLOATS, s[shifts + i]).add(fromArray(FLOATS, s, at));
            FloatVector rounded = x.add(Simd.ROUND);
            FloatVector r = x.sub(rounded.sub(Simd.ROUND));
            FloatVector z = r.mul(r);
            FloatVector p = r.fma(broadcast(FLOATS, Simd.EXP2_6), broadcast(FLOATS, Simd.EXP2_5));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_4), broadcast(FLOATS, Simd.EXP2_3)));
            p = z.fma(p, r.fma(broadcast(FLOATS, Simd.EXP2_2), broadcast(FLOATS, Simd.EXP2_1)));
            p = r.fma(p, broadcast(FLOATS, 1));
            p = p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            FloatVector difference = broadcast(FLOATS, s[dots + i]).add(fromArray(FLOATS, s, gradient));
            p.intoArray(s, at);
            p.mul(difference).intoArray(s, gradient);
        }
    }
}
