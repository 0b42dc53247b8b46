// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Attention, backward, for the heads of {@link NarrowAttention}, with the keys of a block along the lanes of one vector,
 * so that dK and dV are sums in registers. Only dQ is summed by lanes until the head's last key:
 *
 * <pre>
 * p[i, :]   = 2^(scale log2 e (sum over d of q[i, d] k[d, :]))
 * ds[i, :]  = scale p[i, :] (sum over d of dc'[i, d] v[d, :] - D'[i])
 * dv[d, :] += dc'[i, d] p[i, :]     dk[d, :] += q[i, d] ds[i, :]     dq[i, d, :] += k[d, :] ds[i, :]
 * </pre>
 *
 * What p lacks, a factor of 1 / e^lse[i] for each query, is in dc' and D'. Where powers could overflow, lse is taken out
 * of the exponents instead.
 *
 * <p>Elements of a head go by in {@link Fours}. Each element of queries and of the context's gradient is first repeated
 * in all lanes of a vector, once for all blocks of keys.
 */
final class NarrowAttentionBackward {
    /** Elements, half of a usual first-level cache. */
    private static final int MOST_SCORES = 4096;

    private final int tokens;
    /** T filled up to whole vectors. */
    private final int padded;
    /** Of four elements of a head, eight vectors for each query: q and dc', each element in all lanes. */
    private final int rows;
    /** Of four elements of a head, four vectors for each vector of keys, filled up to whole steps of the sum of dq. */
    private final int columns;

    private final int headWidth;
    private final float scale;
    /** Keys whose scores are held at once. */
    private final int group;
    // The parts of the working memory.
    private final int weights;
    private final int magnitudes;
    private final int copies;
    private final int queries;
    private final int keys;
    private final int values;
    private final int dKeys;
    private final int dValues;
    private final int dQueries;
    private final int size;
    private final NarrowGradients gradients;

    /** @param start where the working memory begins */
    NarrowAttentionBackward(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        rows = Math.multiplyExact(8 * LANES, padded);
        columns = 4 * Math.ceilDiv(padded, NarrowGradients.KEYS) * NarrowGradients.KEYS;
        int fours = headWidth / 4;
        group = Math.clamp(MOST_SCORES / tokens / NarrowGradients.KEYS * NarrowGradients.KEYS, NarrowGradients.KEYS,
                columns / 4);
        weights = start;
        magnitudes = weights + padded;
        copies = magnitudes + 2 * headWidth;
        queries = copies + 8 * padded;
        keys = Math.addExact(queries, Math.multiplyExact(fours, rows));
        values = keys + fours * columns;
        dKeys = values + fours * columns;
        dValues = dKeys + fours * columns;
        dQueries = Math.addExact(dValues, fours * columns);
        gradients = new NarrowGradients(Math.addExact(dQueries, fours * rows / 2), tokens, scale, group);
        size = gradients.end();
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
        for (int e = 0; e < headWidth; e += 4) {
            prepareFour(s, x, query + e, width, e / 4);
        }
        float most = scale * Simd.LOG2_E * Fours.mostProduct(s, magnitudes, headWidth);
        boolean bounded = most < NarrowScores.MOST_SCORE;
        weights(s, lse, row, bounded);
        for (int e = 0; e < headWidth; e += 4) {
            prepareGradients(s, c, out + e, d, dOut + e, width, bounded ? NarrowScores.POWER : 1, e / 4);
        }
        for (int first = 0; first < padded; first += group) {
            int blocks = Math.min(group, padded - first) / LANES;
            for (int block = 0; block < blocks; block++) {
                block(s, first + block * LANES, block, bounded);
            }
            for (int four = 0; four < headWidth / 4; four++) {
                gradients.addQueryGradients(s, blocks, keys + four * columns + 4 * first, dQueries + four * rows / 2,
                        first == 0);
            }
        }
        for (int e = 0; e < headWidth; e += 4) {
            unpackFour(s, dX, dQuery + e, width, e / 4);
        }
    }

    /** Four elements of all queries, keys and values. */
    private void prepareFour(float[] s, float[] x, int query, int width, int four) {
        int k = keys + four * columns;
        int v = values + four * columns;
        Fours.gather(x, query, width, tokens, s, copies, k, v, magnitudes + 8 * four);
        Fours.repeat(s, copies, tokens, queries + four * rows);
        Arrays.fill(s, k + 4 * tokens, k + columns, 0f);
        Arrays.fill(s, v + 4 * tokens, v + columns, 0f);
        Fours.transpose(s, k, 4 * padded);
        Fours.transpose(s, v, 4 * padded);
    }

    /** 1 / e^lse; or 1, if lse is taken out of the exponents instead. */
    private void weights(float[] s, float[] lse, int row, boolean bounded) {
        if (!bounded) {
            Arrays.fill(s, weights, weights + tokens, 1f);
            gradients.shift(s, lse, row);
            return;
        }
        for (int i = 0; i < tokens; i++) {
            s[weights + i] = -lse[row + i];
        }
        Arrays.fill(s, weights + tokens, weights + padded, 0f);
        Simd.exp(s, weights, padded);
    }

    /**
     * Four elements of dc', and what they contribute to -D'.
     *
     * @param factor of the weights
     */
    private void prepareGradients(
            float[] s, float[] c, int out, float[] d, int dOut, int width, float factor, int four) {
        int products = copies + 4 * padded;
        int context = out;
        int gradient = dOut;
        for (int i = 0; i < tokens; i++) {
            FloatVector dc = fromArray(Fours.ROW, d, gradient).mul(s[weights + i] * factor);
            dc.intoArray(s, copies + 4 * i);
            fromArray(Fours.ROW, c, context).mul(dc).intoArray(s, products + 4 * i);
            context += width;
            gradient += width;
        }
        Fours.repeat(s, copies, tokens, queries + four * rows + 4 * LANES);
        gradients.subtractDots(s, products, four == 0);
    }

    /** A block of keys, a vector of them from {@code key} on, against all queries; all but dq. */
    private void block(float[] s, int key, int block, boolean bounded) {
        int last = headWidth / 4 - 1;
        for (int four = 0; four < last; four++) {
            int column = four * columns + 4 * key;
            gradients.addProducts(s, keys + column, values + column, queries + four * rows, four == 0);
        }
        int column = last * columns + 4 * key;
        int row = queries + last * rows;
        gradients.probabilities(s, keys + column, row, last == 0, bounded);
        gradients.scoreGradients(s, values + column, row, block, dKeys + column, dValues + column, last == 0);
        for (int four = 0; four < last; four++) {
            int others = four * columns + 4 * key;
            gradients.otherGradients(s, queries + four * rows, block, dKeys + others, dValues + others);
        }
    }

    /** Gradients of four elements of all tokens go to where they are wanted. */
    private void unpackFour(float[] s, float[] dX, int dQuery, int width, int four) {
        int dq = dQueries + four * rows / 2;
        int dk = dKeys + four * columns;
        int dv = dValues + four * columns;
        LaneSums.sumInOrder(s, dq, Simd.whole(4 * tokens));
        Fours.transpose(s, dk, 4 * padded);
        Fours.transpose(s, dv, 4 * padded);
        int to = dQuery;
        for (int i = 0; i < tokens; i++) {
            fromArray(Fours.ROW, s, dq + 4 * i).intoArray(dX, to);
            int key = to + width;
            fromArray(Fours.ROW, s, dk + 4 * i).intoArray(dX, key);
            fromArray(Fours.ROW, s, dv + 4 * i).intoArray(dX, key + width);
            to += 3 * width;
        }
    }
}
