// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, backward, for so few tokens that all scores of a head and their gradients stay in the nearest
 * caches, see {@link ShortAttention}. Here keys lie along the lanes: two of the last three products then
 * find their left operand by columns, and only keys and values are copied.
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
    private final int work;
    private final int keys;
    private final int values;
    private final int shifts;
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
        work = start;
        keys = work + StridedTile.WORK;
        values = keys + headWidth * padded;
        shifts = values + headWidth * padded;
        dots = shifts + padded;
        lanes = dots + padded;
        probabilities = lanes + tokens * LANES;
        dScores = probabilities + tokens * padded;
        size = dScores + tokens * padded;
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
        for (int i = 0; i < tokens; i++) {
            s[shifts + i] = -Simd.LOG2_E * lse[row + i];
        }
        CpuAttentionBackward.dots(d, dOut, c, out, tokens, width, headWidth, s, dots, lanes);
        ShortAttention.transpose(x, query + width, stride, tokens, headWidth, scale * Simd.LOG2_E, s, keys, padded);
        ShortAttention.transpose(x, query + 2 * width, stride, tokens, headWidth, 1, s, values, padded);
        StridedTile.byRows(headWidth, x, query, stride, tokens, s, keys, padded, padded, s, probabilities, padded, s, work);
        StridedTile.byRows(headWidth, d, dOut, width, tokens, s, values, padded, padded, s, dScores, padded, s, work);
        for (int column = 0; column < padded; column += LANES) {
            scoreGradients(s, probabilities + column, dScores + column, tokens, padded, shifts, dots, scale);
        }
        for (int e = 0; e < headWidth; e += 2 * LANES) {
            StridedTile.byColumns(tokens, s, probabilities, padded, tokens, d, dOut + e, width, dX,
                    dQuery + 2 * width + e, stride);
            StridedTile.byColumns(tokens, s, dScores, padded, tokens, x, query + e, stride, dX, dQuery + width + e,
                    stride);
        }
        StridedTile.byRows(tokens, s, dScores, padded, tokens, x, query + width, stride, headWidth, dX, dQuery, stride, s,
                work);
    }

    /** p = 2^(p + shift), see {@link Simd#exp2}, and ds = scale p (ds - dot), of a vector of columns. */
    private static void scoreGradients(
            float[] s, int scores, int gradients, int count, int stride, int shifts, int dots, float scale) {
        int p = scores;
        int ds = gradients;
        FloatVector factor = broadcast(FLOATS, scale);
        for (int i = 0; i < count; i++) {
            FloatVector x = fromArray(FLOATS, s, p).add(broadcast(FLOATS, s[shifts + i]));
            x = x.blend(Simd.LEAST_EXPONENT, x.compare(VectorOperators.LT, Simd.LEAST_EXPONENT));
            FloatVector rounded = x.add(Simd.ROUND);
            FloatVector r = x.sub(rounded.sub(Simd.ROUND));
            FloatVector power = broadcast(FLOATS, Simd.EXP2_6);
            power = power.fma(r, broadcast(FLOATS, Simd.EXP2_5));
            power = power.fma(r, broadcast(FLOATS, Simd.EXP2_4));
            power = power.fma(r, broadcast(FLOATS, Simd.EXP2_3));
            power = power.fma(r, broadcast(FLOATS, Simd.EXP2_2));
            power = power.fma(r, broadcast(FLOATS, Simd.EXP2_1));
            power = power.fma(r, broadcast(FLOATS, 1));
            power = power.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats();
            power.intoArray(s, p);
            FloatVector difference = fromArray(FLOATS, s, ds).sub(broadcast(FLOATS, s[dots + i]));
            power.mul(factor).mul(difference).intoArray(s, ds);
            p += stride;
            ds += stride;
        }
    }
}
