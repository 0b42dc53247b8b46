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
 * Attention, backward, for so few tokens that all scores of a head and their gradients stay in the nearest
 * caches, see {@link ShortAttention}. Here keys lie along the lanes: two of the last three products then
 * find their left operand by columns, and only keys and values are transposed.
 *
 * <pre>
 * P = 2^(Q (scale log2 e K)^T - log2 e lse)        dP = dC V^T        D[i] = dC[i] . C[i]        dS = scale P (dP - D)
 * dV = P^T dC        dK = dS^T Q        dQ = dS K
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
    private final int lanes;
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
        lanes = dContexts + tokens * headWidth;
        dots = lanes + tokens * LANES;
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
        CpuAttentionBackward.dots(d, dOut, c, out, tokens, width, headWidth, s, dots, lanes);
        int shift = probabilities + ShortProducts.MOST_TOKENS;
        int dot = dScores + ShortProducts.MOST_TOKENS;
        for (int i = 0; i < tokens; i++) {
            s[shift + i * STRIDE] = -Simd.LOG2_E * lse[row + i];
            s[dot + i * STRIDE] = s[dots + i];
        }
        ShortProducts.transpose(x, query + width, stride, tokens, headWidth, scale * Simd.LOG2_E, s, keysTransposed);
        ShortProducts.transpose(x, query + 2 * width, stride, tokens, headWidth, 1, s, valuesTransposed);
        ShortProducts.copy(x, query, stride, tokens, headWidth, s, queries);
        ShortProducts.copy(x, query + width, stride, tokens, headWidth, s, keys);
        ShortProducts.copy(d, dOut, width, tokens, headWidth, s, dContexts);
        ShortProducts.scores(headWidth, s, queries, tokens, keysTransposed, padded, probabilities);
        ShortProducts.scores(headWidth, s, dContexts, tokens, valuesTransposed, padded, dScores);
        for (int column = 0; column < padded; column += LANES) {
            scoreGradients(s, probabilities + column, dScores + column, tokens, shift, dot, scale);
        }
        for (int e = 0; e < headWidth; e += 2 * LANES) {
            ShortProducts.byColumns(tokens, s, probabilities, tokens, ShortProducts.pair(dContexts, tokens, e), dX,
                    dQuery + 2 * width + e, stride);
            ShortProducts.byColumns(tokens, s, dScores, tokens, ShortProducts.pair(queries, tokens, e), dX,
                    dQuery + width + e, stride);
            ShortProducts.byRows(tokens, s, dScores, tokens, ShortProducts.pair(keys, tokens, e), dX, dQuery + e, stride);
        }
    }

    /**
     * p = 2^(p + shift), see {@link Simd#exp2}, and ds = scale p (ds - dot), of a vector of columns. What belongs to a row
     * lies behind it, so that all are reached by one index.
     */
    private static void scoreGradients(float[] s, int scores, int gradients, int count, int shifts, int dots, float scale) {
        FloatVector factor = broadcast(FLOATS, scale);
        int shift = shifts - scores;
        int dot = dots - scores;
        int gradient = gradients - scores;
        for (int i = scores; i < scores + count * STRIDE; i += STRIDE) {
            FloatVector x = broadcast(FLOATS, s[shift + i]).add(fromArray(FLOATS, s, i));
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
            p.intoArray(s, i);
            FloatVector difference = fromArray(FLOATS, s, gradient + i).sub(broadcast(FLOATS, s[dot + i]));
            p.mul(factor).mul(difference).intoArray(s, gradient + i);
        }
    }
}
