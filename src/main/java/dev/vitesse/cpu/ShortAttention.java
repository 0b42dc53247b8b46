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
 * Attention, forward, for so few tokens that all scores of a head stay in the nearest caches. Queries lie along the
 * lanes, so that largest scores and sums need no horizontal operation, and so that the second product finds its left
 * operand by columns. Only queries are copied; all else is read where it lies.
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
    private final int work;
    private final int queries;
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
        work = start;
        queries = work + StridedTile.WORK;
        scores = queries + headWidth * padded;
        largest = scores + tokens * padded;
        sums = largest + padded;
        size = sums + padded;
    }

    /** Whether tiles fit, both the head's and those of the scores. */
    static boolean suits(int tokens, int headWidth) {
        return headWidth > 0 && headWidth % (2 * LANES) == 0 && headWidth <= MOST_WIDTH && tokens > LANES
                && tokens >= StridedTile.ROWS && Simd.whole(tokens) <= StridedTile.MOST_DEPTH;
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
        transpose(x, query, stride, tokens, headWidth, scale * Simd.LOG2_E, s, queries, padded);
        StridedTile.byRows(headWidth, x, query + width, stride, tokens, s, queries, padded, padded, s, scores, padded, s,
                work);
        for (int column = 0; column < padded; column += 2 * LANES) {
            largest(s, scores + Math.min(column, padded - 2 * LANES), tokens, padded,
                    largest + Math.min(column, padded - 2 * LANES));
        }
        for (int column = 0; column < padded; column += LANES) {
            probabilities(s, scores + column, tokens, padded, largest + column, sums + column);
        }
        for (int d = 0; d < headWidth; d += 2 * LANES) {
            StridedTile.byColumns(tokens, s, scores, padded, tokens, x, query + 2 * width + d, stride, c, out + d, width);
        }
        CpuAttention.divide(c, out, tokens, width, headWidth, s, sums);
        if (lse.length > 0) {
            Simd.log(s, sums, padded);
            for (int i = 0; i < tokens; i++) {
                lse[row + i] = s[largest + i] * LN_2 + s[sums + i];
            }
        }
    }

    /** The elements of a head times {@code factor}, tokens along the lanes: [headWidth][padded], filled up with zeros. */
    static void transpose(
            float[] x, int start, int stride, int tokens, int headWidth, float factor, float[] s, int to, int padded) {
        if (padded > tokens) {
            Arrays.fill(s, to, to + headWidth * padded, 0f);
        }
        for (int d = 0; d < headWidth; d += 4) {
            transposeFour(x, start + d, stride, tokens, factor, s, to + d * padded, padded);
        }
    }

    private static void transposeFour(
            float[] x, int start, int stride, int count, float factor, float[] s, int to, int padded) {
        int from = start;
        for (int j = to; j < to + count; j++) {
            s[j] = x[from] * factor;
            s[j + padded] = x[from + 1] * factor;
            s[j + 2 * padded] = x[from + 2] * factor;
            s[j + 3 * padded] = x[from + 3] * factor;
            from += stride;
        }
    }

    /** The largest of two vectors of columns. */
    private static void largest(float[] s, int scores, int count, int stride, int largest) {
        FloatVector m0 = fromArray(FLOATS, s, scores);
        FloatVector m1 = fromArray(FLOATS, s, scores + LANES);
        int from = scores + stride;
        for (int j = 1; j < count; j++) {
            // A comparison and a choice: lanewise(MAX) also sorts out zeros, for twice the instructions.
            FloatVector s0 = fromArray(FLOATS, s, from);
            FloatVector s1 = fromArray(FLOATS, s, from + LANES);
            m0 = m0.blend(s0, s0.compare(VectorOperators.GT, m0));
            m1 = m1.blend(s1, s1.compare(VectorOperators.GT, m1));
            from += stride;
        }
        m0.intoArray(s, largest);
        m1.intoArray(s, largest + LANES);
    }

    /** p = 2^(s - largest), see {@link Simd#exp2}, and their sum, of a vector of columns. */
    private static void probabilities(float[] s, int scores, int count, int stride, int largest, int sums) {
        FloatVector most = fromArray(FLOATS, s, largest);
        FloatVector sum = broadcast(FLOATS, 0);
        int from = scores;
        for (int j = 0; j < count; j++) {
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
            sum = sum.add(p);
            from += stride;
        }
        sum.intoArray(s, sums);
    }
}
