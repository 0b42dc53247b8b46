// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention, backward, for the heads of {@link NarrowAttention}, with the keys of a block along the lanes of one vector,
 * so that dK and dV are sums in registers. Only dQ is summed by lanes until the head's last key:
 *
 * <pre>
 * p[i, :]   = 2^(sum over d of q[i, d] k'[d, :] - lse[i] log2 e)        k' = k scale log2 e
 * ds[i, :]  = p[i, :] (sum over d of dc[i, d] v[d, :] - D[i])
 * dv[d, :] += dc[i, d] p[i, :]     dk[d, :] += q[i, d] ds[i, :]     dq[i, d, :] += k[d, :] ds[i, :]
 * </pre>
 *
 * Elements of a head go by in fours. Each element of queries and of the context's gradient is first repeated in all lanes
 * of a vector, once for all blocks of keys.
 */
final class NarrowAttentionBackward {
    /** Elements, half of a usual first-level cache. */
    private static final int MOST_SCORES = 4096;

    private final int tokens;
    /** T filled up to whole vectors. */
    private final int padded;
    /** Of four elements of a head, eight vectors for each query: q and dc, each element in all lanes. */
    private final int rows;
    /** Of four elements of a head, eight vectors for each vector of keys: k and v, or their gradients. */
    private final int columns;

    private final int headWidth;
    private final float scale;
    /** Keys whose scores are held at once. */
    private final int group;
    // The parts of the working memory.
    private final int shifts;
    private final int dots;
    private final int floors;
    private final int queries;
    private final int keys;
    private final int dKeys;
    private final int probabilities;
    private final int dScores;
    private final int dQueries;
    private final int size;
    /** Where each vector of dQueries lies, so that {@link LaneSums} leaves their sums in order. */
    private final int[] sums;

    /** @param start where the working memory begins */
    NarrowAttentionBackward(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        rows = Math.multiplyExact(8 * LANES, padded);
        columns = 8 * padded;
        int fours = headWidth / 4;
        group = Math.clamp(MOST_SCORES / tokens / LANES * LANES, LANES, padded);
        int scores = Math.multiplyExact(tokens, group);
        shifts = start;
        dots = shifts + padded;
        floors = dots + padded;
        queries = floors + padded;
        keys = Math.addExact(queries, Math.multiplyExact(fours, rows));
        dKeys = keys + fours * columns;
        probabilities = dKeys + fours * columns;
        // Products of one four after the other need a place of their own.
        dScores = headWidth > 4 ? probabilities + scores : probabilities;
        dQueries = dScores + scores;
        size = Math.addExact(dQueries, fours * rows / 2);
        sums = IntStream.range(0, 4 * padded).map(v -> LaneSums.index(v) * LANES).toArray();
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
        prepare(s, x, query, width, c, out, d, dOut, lse, row);
        for (int first = 0; first < padded; first += group) {
            blocks(s, first, Math.min(padded, first + group));
        }
        unpack(s, dX, dQuery, width);
    }

    /** Fills what all blocks of keys read. */
    private void prepare(
            float[] s, float[] x, int query, int width, float[] c, int out, float[] d, int dOut, float[] lse, int row) {
        for (int i = 0; i < tokens; i++) {
            s[shifts + i] = -Simd.LOG2_E * lse[row + i];
        }
        Arrays.fill(s, floors, floors + tokens, Simd.LEAST_EXPONENT);
        Arrays.fill(s, floors + tokens, floors + padded, Float.POSITIVE_INFINITY);
        Arrays.fill(s, dots, dots + tokens, 0f);
        Arrays.fill(s, keys, dKeys, 0f);
        for (int four = 0; four < headWidth / 4; four++) {
            int e = 4 * four;
            prepareFour(s, x, query + e, width, c, out + e, d, dOut + e, queries + four * rows, keys + four * columns);
        }
    }

    /** Four elements of all tokens. One loop for all of them: several would repeat its checks and its counting. */
    private void prepareFour(
            float[] s, float[] x, int query, int width, float[] c, int out, float[] d, int dOut, int rows, int columns) {
        float factor = scale * Simd.LOG2_E;
        int from = query;
        int context = out;
        int gradient = dOut;
        for (int i = 0; i < tokens; i++) {
            int row = rows + 8 * i * LANES;
            broadcast(FLOATS, x[from]).intoArray(s, row);
            broadcast(FLOATS, x[from + 1]).intoArray(s, row + LANES);
            broadcast(FLOATS, x[from + 2]).intoArray(s, row + 2 * LANES);
            broadcast(FLOATS, x[from + 3]).intoArray(s, row + 3 * LANES);
            float d0 = d[gradient];
            float d1 = d[gradient + 1];
            float d2 = d[gradient + 2];
            float d3 = d[gradient + 3];
            broadcast(FLOATS, d0).intoArray(s, row + 4 * LANES);
            broadcast(FLOATS, d1).intoArray(s, row + 5 * LANES);
            broadcast(FLOATS, d2).intoArray(s, row + 6 * LANES);
            broadcast(FLOATS, d3).intoArray(s, row + 7 * LANES);
            s[dots + i] -= (c[context] * d0 + c[context + 1] * d1) + (c[context + 2] * d2 + c[context + 3] * d3);
            int column = columns + i / LANES * 8 * LANES + i % LANES;
            int key = from + width;
            s[column] = x[key] * factor;
            s[column + LANES] = x[key + 1] * factor;
            s[column + 2 * LANES] = x[key + 2] * factor;
            s[column + 3 * LANES] = x[key + 3] * factor;
            int value = key + width;
            s[column + 4 * LANES] = x[value];
            s[column + 5 * LANES] = x[value + 1];
            s[column + 6 * LANES] = x[value + 2];
            s[column + 7 * LANES] = x[value + 3];
            from += 3 * width;
            context += width;
            gradient += width;
        }
    }

    /** Gradients go to where they are wanted. */
    private void unpack(float[] s, float[] dX, int dQuery, int width) {
        for (int four = 0; four < headWidth / 4; four++) {
            int sums = dQueries + four * rows / 2;
            LaneSums.sum(s, sums, Simd.whole(4 * tokens));
            unpackFour(s, dX, dQuery + 4 * four, width, sums, dKeys + four * columns);
        }
    }

    /** The gradients of four elements of all tokens. */
    private void unpackFour(float[] s, float[] dX, int dQuery, int width, int sums, int columns) {
        int to = dQuery;
        for (int i = 0; i < tokens; i++) {
            int from = sums + 4 * i;
            dX[to] = s[from] * (1 / Simd.LOG2_E);
            dX[to + 1] = s[from + 1] * (1 / Simd.LOG2_E);
            dX[to + 2] = s[from + 2] * (1 / Simd.LOG2_E);
            dX[to + 3] = s[from + 3] * (1 / Simd.LOG2_E);
            int column = columns + i / LANES * 8 * LANES + i % LANES;
            int key = to + width;
            dX[key] = s[column] * scale;
            dX[key + 1] = s[column + LANES] * scale;
            dX[key + 2] = s[column + 2 * LANES] * scale;
            dX[key + 3] = s[column + 3 * LANES] * scale;
            int value = key + width;
            dX[value] = s[column + 4 * LANES];
            dX[value + 1] = s[column + 5 * LANES];
            dX[value + 2] = s[column + 6 * LANES];
            dX[value + 3] = s[column + 7 * LANES];
            to += 3 * width;
        }
    }

    /** Keys {@code first} to {@code end - 1}, in blocks of a vector, against all queries. */
    private void blocks(float[] s, int first, int end) {
        int blocks = (end - first) / LANES;
        int last = headWidth / 4 - 1;
        int at = 8 * first;
        for (int four = 0; four < last; four++) {
            int k = keys + four * columns + at;
            addProducts(s, blocks, k, queries + four * rows, shifts, probabilities, four == 0);
            addProducts(s, blocks, k + 4 * LANES, queries + four * rows + 4 * LANES, dots, dScores, four == 0);
        }
        int lastRows = queries + last * rows;
        int lastKeys = keys + last * columns + at;
        probabilities(s, blocks, lastKeys, floors + first, lastRows, last == 0);
        scoreGradients(s, blocks, lastKeys, lastRows, dKeys + last * columns + at, last == 0);
        for (int four = 0; four < last; four++) {
            int dk = dKeys + four * columns + at;
            weigh(s, blocks, dScores, queries + four * rows, dk);
            weigh(s, blocks, probabilities, queries + four * rows + 4 * LANES, dk + 4 * LANES);
        }
        for (int four = 0; four <= last; four++) {
            addQueryGradients(s, blocks, keys + four * columns + at, dQueries + four * rows / 2, first == 0);
        }
    }

    /** product[b, i, :] = (init[i] or product[b, i, :]) + the sum over four d of a[i, d] k[d, b, :]. */
    private void addProducts(
            float[] s, int blocks, int keys, int at, int init, int products, boolean first) {
        int to = products;
        for (int b = 0; b < blocks; b++) {
            int k = keys + 8 * b * LANES;
            FloatVector k0 = fromArray(FLOATS, s, k);
            FloatVector k1 = fromArray(FLOATS, s, k + LANES);
            FloatVector k2 = fromArray(FLOATS, s, k + 2 * LANES);
            FloatVector k3 = fromArray(FLOATS, s, k + 3 * LANES);
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[init + i]) : fromArray(FLOATS, s, to + i * LANES);
                sum = k0.fma(fromArray(FLOATS, s, at + 8 * i * LANES), sum);
                sum = k1.fma(fromArray(FLOATS, s, at + 8 * i * LANES + LANES), sum);
                sum = k2.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 2 * LANES), sum);
                k3.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 3 * LANES), sum).intoArray(s, to + i * LANES);
            }
            to += tokens * LANES;
        }
    }

    /** {@link #addProducts} of the last four elements, and 2 to the power of that, as {@link NarrowAttention} does it. */
    private void probabilities(
            float[] s, int blocks, int keys, int floors, int at, boolean first) {
        int to = probabilities;
        for (int b = 0; b < blocks; b++) {
            int k = keys + 8 * b * LANES;
            FloatVector k0 = fromArray(FLOATS, s, k);
            FloatVector k1 = fromArray(FLOATS, s, k + LANES);
            FloatVector k2 = fromArray(FLOATS, s, k + 2 * LANES);
            FloatVector k3 = fromArray(FLOATS, s, k + 3 * LANES);
            FloatVector floor = fromArray(FLOATS, s, floors + b * LANES);
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[shifts + i]) : fromArray(FLOATS, s, to + i * LANES);
                sum = k0.fma(fromArray(FLOATS, s, at + 8 * i * LANES), sum);
                sum = k1.fma(fromArray(FLOATS, s, at + 8 * i * LANES + LANES), sum);
                sum = k2.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 2 * LANES), sum);
                sum = k3.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 3 * LANES), sum);
                sum = sum.blend(Simd.LEAST_EXPONENT, sum.compare(VectorOperators.LT, floor));
                FloatVector rounded = sum.add(Simd.ROUND);
                FloatVector r = sum.sub(rounded.sub(Simd.ROUND));
                FloatVector z = r.mul(r);
                FloatVector power = r.fma(broadcast(FLOATS, Simd.EXP2_6), broadcast(FLOATS, Simd.EXP2_5));
                power = z.fma(power, r.fma(broadcast(FLOATS, Simd.EXP2_4), broadcast(FLOATS, Simd.EXP2_3)));
                power = z.fma(power, r.fma(broadcast(FLOATS, Simd.EXP2_2), broadcast(FLOATS, Simd.EXP2_1)));
                power = r.fma(power, broadcast(FLOATS, 1));
                power.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                        .reinterpretAsFloats().intoArray(s, to + i * LANES);
            }
            to += tokens * LANES;
        }
    }

    /**
     * {@link #addProducts} of the last four elements, times p; and the last four rows of dk and dv. Scores' gradients may
     * take the place of the probabilities.
     */
    private void scoreGradients(float[] s, int blocks, int keys, int queries, int dKeys, boolean first) {
        int p = probabilities;
        int ds = dScores;
        for (int b = 0; b < blocks; b++) {
            int v = keys + 8 * b * LANES + 4 * LANES;
            FloatVector v0 = fromArray(FLOATS, s, v);
            FloatVector v1 = fromArray(FLOATS, s, v + LANES);
            FloatVector v2 = fromArray(FLOATS, s, v + 2 * LANES);
            FloatVector v3 = fromArray(FLOATS, s, v + 3 * LANES);
            FloatVector dv0 = broadcast(FLOATS, 0);
            FloatVector dv1 = dv0, dv2 = dv0, dv3 = dv0, dk0 = dv0, dk1 = dv0, dk2 = dv0, dk3 = dv0;
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[dots + i]) : fromArray(FLOATS, s, ds + i * LANES);
                FloatVector probability = fromArray(FLOATS, s, p + i * LANES);
                FloatVector e = fromArray(FLOATS, s, queries + 8 * i * LANES + 4 * LANES);
                sum = e.fma(v0, sum);
                dv0 = e.fma(probability, dv0);
                e = fromArray(FLOATS, s, queries + 8 * i * LANES + 5 * LANES);
                sum = e.fma(v1, sum);
                dv1 = e.fma(probability, dv1);
                e = fromArray(FLOATS, s, queries + 8 * i * LANES + 6 * LANES);
                sum = e.fma(v2, sum);
                dv2 = e.fma(probability, dv2);
                e = fromArray(FLOATS, s, queries + 8 * i * LANES + 7 * LANES);
                sum = e.fma(v3, sum);
                dv3 = e.fma(probability, dv3);
                FloatVector gradient = sum.mul(probability);
                gradient.intoArray(s, ds + i * LANES);
                dk0 = gradient.fma(fromArray(FLOATS, s, queries + 8 * i * LANES), dk0);
                dk1 = gradient.fma(fromArray(FLOATS, s, queries + 8 * i * LANES + LANES), dk1);
                dk2 = gradient.fma(fromArray(FLOATS, s, queries + 8 * i * LANES + 2 * LANES), dk2);
                dk3 = gradient.fma(fromArray(FLOATS, s, queries + 8 * i * LANES + 3 * LANES), dk3);
            }
            int dk = dKeys + 8 * b * LANES;
            dk0.intoArray(s, dk);
            dk1.intoArray(s, dk + LANES);
            dk2.intoArray(s, dk + 2 * LANES);
            dk3.intoArray(s, dk + 3 * LANES);
            dv0.intoArray(s, dk + 4 * LANES);
            dv1.intoArray(s, dk + 5 * LANES);
            dv2.intoArray(s, dk + 6 * LANES);
            dv3.intoArray(s, dk + 7 * LANES);
            p += tokens * LANES;
            ds += tokens * LANES;
        }
    }

    /** sum[d, b, :] = the sum over i of a[i, d] p[b, i, :], for four d. */
    private void weigh(float[] s, int blocks, int weights, int at, int sums) {
        int p = weights;
        for (int b = 0; b < blocks; b++) {
            FloatVector sum0 = broadcast(FLOATS, 0);
            FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int i = 0; i < tokens; i++) {
                FloatVector v = fromArray(FLOATS, s, p + i * LANES);
                sum0 = v.fma(fromArray(FLOATS, s, at + 8 * i * LANES), sum0);
                sum1 = v.fma(fromArray(FLOATS, s, at + 8 * i * LANES + LANES), sum1);
                sum2 = v.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 2 * LANES), sum2);
                sum3 = v.fma(fromArray(FLOATS, s, at + 8 * i * LANES + 3 * LANES), sum3);
            }
            int sum = sums + 8 * b * LANES;
            sum0.intoArray(s, sum);
            sum1.intoArray(s, sum + LANES);
            sum2.intoArray(s, sum + 2 * LANES);
            sum3.intoArray(s, sum + 3 * LANES);
            p += tokens * LANES;
        }
    }

    /**
     * dq[i, d, :] (+)= the sum over b of k[d, b, :] ds[b, i, :], for four d and two queries at once; an odd number of
     * queries has room for one more.
     */
    private void addQueryGradients(float[] s, int blocks, int keys, int dQueries, boolean first) {
        FloatVector zero = broadcast(FLOATS, 0);
        for (int i = 0; i < tokens; i += 2) {
            int a = 4 * i;
            FloatVector a0 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a]);
            FloatVector a1 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 1]);
            FloatVector a2 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 2]);
            FloatVector a3 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 3]);
            FloatVector b0 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 4]);
            FloatVector b1 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 5]);
            FloatVector b2 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 6]);
            FloatVector b3 = first ? zero : fromArray(FLOATS, s, dQueries + sums[a + 7]);
            int ds = dScores + i * LANES;
            for (int b = 0; b < blocks; b++) {
                FloatVector x = fromArray(FLOATS, s, ds);
                FloatVector y = fromArray(FLOATS, s, ds + LANES);
                FloatVector k = fromArray(FLOATS, s, keys + 8 * b * LANES);
                a0 = x.fma(k, a0);
                b0 = y.fma(k, b0);
                k = fromArray(FLOATS, s, keys + 8 * b * LANES + LANES);
                a1 = x.fma(k, a1);
                b1 = y.fma(k, b1);
                k = fromArray(FLOATS, s, keys + 8 * b * LANES + 2 * LANES);
                a2 = x.fma(k, a2);
                b2 = y.fma(k, b2);
                k = fromArray(FLOATS, s, keys + 8 * b * LANES + 3 * LANES);
                a3 = x.fma(k, a3);
                b3 = y.fma(k, b3);
                ds += tokens * LANES;
            }
            a0.intoArray(s, dQueries + sums[a]);
            a1.intoArray(s, dQueries + sums[a + 1]);
            a2.intoArray(s, dQueries + sums[a + 2]);
            a3.intoArray(s, dQueries + sums[a + 3]);
            b0.intoArray(s, dQueries + sums[a + 4]);
            b1.intoArray(s, dQueries + sums[a + 5]);
            b2.intoArray(s, dQueries + sums[a + 6]);
            b3.intoArray(s, dQueries + sums[a + 7]);
        }
    }
}
