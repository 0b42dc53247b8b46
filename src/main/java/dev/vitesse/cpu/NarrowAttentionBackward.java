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
 * p[i, :]   = 2^(sum over d of q'[i, d] k[d, :] - lse[i] log2 e)        q' = q scale log2 e
 * ds[i, :]  = p[i, :] (sum over d of dc[i, d] v[d, :] - D[i])
 * dv[d, :] += dc[i, d] p[i, :]     dk[d, :] += q[i, d] ds[i, :]     dq[i, d, :] += k[d, :] ds[i, :]
 * </pre>
 *
 * Elements of a head go by in fours. Each element of queries, times scale log2 e,
 * and of the context's gradient is first repeated in all lanes of a vector, once for all blocks of keys.
 */
final class NarrowAttentionBackward {
    /** Elements, a quarter of a usual first-level cache. */
    private static final int MOST_SCORES = 1024;

    private final int tokens;
    /** T filled up to whole vectors: from one element of a head to the next where tokens lie along lanes. */
    private final int padded;

    /** Elements of a vector for each token. */
    private final int rows;

    private final int headWidth;
    private final float scale;
    /** Keys whose scores are held at once. */
    private final int group;
    // The parts of the working memory.
    private final int shifts;
    private final int dots;
    private final int floors;
    private final int queries;
    private final int dContexts;
    private final int keys;
    private final int values;
    private final int dKeys;
    private final int dValues;
    private final int probabilities;
    private final int dScores;
    private final int dQueries;
    private final int size;
    /** Where {@link LaneSums} leaves the sum of each vector of dQueries. */
    private final int[] sums;

    /** @param start where the working memory begins */
    NarrowAttentionBackward(int start, int tokens, int headWidth, float scale) {
        this.tokens = tokens;
        this.headWidth = headWidth;
        this.scale = scale;
        padded = Simd.whole(tokens);
        rows = Math.multiplyExact(padded, LANES);
        int head = Math.multiplyExact(headWidth, padded);
        group = Math.clamp(MOST_SCORES / tokens / LANES * LANES, LANES, padded);
        int scores = Math.multiplyExact(tokens, group);
        shifts = start;
        dots = shifts + padded;
        floors = dots + padded;
        queries = floors + padded;
        dContexts = queries + headWidth * rows;
        keys = dContexts + headWidth * rows;
        values = keys + head;
        dKeys = values + head;
        dValues = dKeys + head;
        probabilities = dValues + head;
        dScores = probabilities + scores;
        dQueries = dScores + scores;
        size = Math.addExact(dQueries, Math.multiplyExact(headWidth, rows));
        sums = IntStream.range(0, 4 * tokens).map(LaneSums::index).toArray();
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
        Arrays.fill(s, floors, floors + tokens, Simd.LEAST_EXPONENT);
        Arrays.fill(s, floors + tokens, floors + padded, Float.POSITIVE_INFINITY);
        Arrays.fill(s, dots, dots + tokens, 0f);
        Arrays.fill(s, keys, dKeys, 0f);
        Arrays.fill(s, dQueries, size, 0f);
        for (int e = 0; e < headWidth; e += 4) {
            subtractProducts(c, out + e, d, dOut + e, width, tokens, s, dots);
            NarrowAttention.repeat(x, query + e, stride, tokens, scale * Simd.LOG2_E, s, queries + e * rows);
            NarrowAttention.repeat(d, dOut + e, width, tokens, 1, s, dContexts + e * rows);
            pack(x, query + width + e, stride, tokens, s, keys + e * padded, padded);
            pack(x, query + 2 * width + e, stride, tokens, s, values + e * padded, padded);
        }
        for (int first = 0; first < padded; first += group) {
            blocks(s, first, Math.min(padded, first + group));
        }
        for (int e = 0; e < headWidth; e += 4) {
            unpackSums(s, dQueries + e * rows, scale, dX, dQuery + e, stride);
            NarrowAttention.unpack(s, dKeys + e * padded, padded, 1 / Simd.LOG2_E, dX, dQuery + width + e, stride, tokens);
            NarrowAttention.unpack(s, dValues + e * padded, padded, 1, dX, dQuery + 2 * width + e, stride, tokens);
        }
    }

    /** dots[i] -= the product of four elements of a context and its gradient. */
    private static void subtractProducts(
            float[] c, int out, float[] d, int dOut, int stride, int count, float[] s, int dots) {
        int a = out;
        int b = dOut;
        for (int i = 0; i < count; i++) {
            s[dots + i] -= (c[a] * d[b] + c[a + 1] * d[b + 1]) + (c[a + 2] * d[b + 2] + c[a + 3] * d[b + 3]);
            a += stride;
            b += stride;
        }
    }

    /** Four elements of each token go to four rows. */
    private static void pack(float[] x, int start, int stride, int count, float[] s, int to, int padded) {
        int from = start;
        for (int j = to; j < to + count; j++) {
            s[j] = x[from];
            s[j + padded] = x[from + 1];
            s[j + 2 * padded] = x[from + 2];
            s[j + 3 * padded] = x[from + 3];
            from += stride;
        }
    }

    /** Four elements of each token, which are sums over the lanes of the vectors from s[from] on. */
    private void unpackSums(float[] s, int from, float factor, float[] dX, int start, int stride) {
        LaneSums.sum(s, from, 4 * padded);
        int to = start;
        for (int i = 0; i < 4 * tokens; i += 4) {
            dX[to] = s[from + sums[i]] * factor;
            dX[to + 1] = s[from + sums[i + 1]] * factor;
            dX[to + 2] = s[from + sums[i + 2]] * factor;
            dX[to + 3] = s[from + sums[i + 3]] * factor;
            to += stride;
        }
    }

    /** Keys {@code first} to {@code end - 1}, in blocks of a vector, against all queries. */
    private void blocks(float[] s, int first, int end) {
        int blocks = (end - first) / LANES;
        int last = headWidth - 4;
        int k = keys + first;
        int v = values + first;
        for (int e = 0; e < last; e += 4) {
            addProducts(s, blocks, k + e * padded, queries + e * rows, shifts, probabilities, e == 0);
            addProducts(s, blocks, v + e * padded, dContexts + e * rows, dots, dScores, e == 0);
        }
        probabilities(s, blocks, k + last * padded, floors + first, queries + last * rows, last == 0);
        scoreGradients(s, blocks, v + last * padded, dContexts + last * rows, dValues + last * padded + first, last == 0);
        for (int e = 0; e < last; e += 4) {
            weigh(s, blocks, dContexts + e * rows, dValues + e * padded + first);
        }
        for (int e = 0; e < headWidth; e += 4) {
            addGradients(s, blocks, queries + e * rows, k + e * padded, dKeys + e * padded + first,
                    dQueries + e * rows);
        }
    }

    /** product[b, i, :] = (init[i] or product[b, i, :]) + the sum over four d of a[i, d] k[d, b, :]. */
    private void addProducts(
            float[] s, int blocks, int keys, int at, int init, int products, boolean first) {
        int to = products;
        for (int k = keys; k < keys + blocks * LANES; k += LANES) {
            FloatVector k0 = fromArray(FLOATS, s, k);
            FloatVector k1 = fromArray(FLOATS, s, k + padded);
            FloatVector k2 = fromArray(FLOATS, s, k + 2 * padded);
            FloatVector k3 = fromArray(FLOATS, s, k + 3 * padded);
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[init + i]) : fromArray(FLOATS, s, to + i * LANES);
                sum = k0.fma(fromArray(FLOATS, s, at + 4 * i * LANES), sum);
                sum = k1.fma(fromArray(FLOATS, s, at + 4 * i * LANES + LANES), sum);
                sum = k2.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 2 * LANES), sum);
                k3.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 3 * LANES), sum).intoArray(s, to + i * LANES);
            }
            to += tokens * LANES;
        }
    }

    /** {@link #addProducts} of the last four elements, and 2 to the power of that, see {@link Simd#exp2}. */
    private void probabilities(
            float[] s, int blocks, int keys, int floors, int at, boolean first) {
        int to = probabilities;
        for (int k = keys; k < keys + blocks * LANES; k += LANES) {
            FloatVector k0 = fromArray(FLOATS, s, k);
            FloatVector k1 = fromArray(FLOATS, s, k + padded);
            FloatVector k2 = fromArray(FLOATS, s, k + 2 * padded);
            FloatVector k3 = fromArray(FLOATS, s, k + 3 * padded);
            FloatVector floor = fromArray(FLOATS, s, floors + k - keys);
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[shifts + i]) : fromArray(FLOATS, s, to + i * LANES);
                sum = k0.fma(fromArray(FLOATS, s, at + 4 * i * LANES), sum);
                sum = k1.fma(fromArray(FLOATS, s, at + 4 * i * LANES + LANES), sum);
                sum = k2.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 2 * LANES), sum);
                sum = k3.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 3 * LANES), sum);
                sum = sum.blend(Simd.LEAST_EXPONENT, sum.compare(VectorOperators.LT, floor));
                FloatVector rounded = sum.add(Simd.ROUND);
                FloatVector r = sum.sub(rounded.sub(Simd.ROUND));
                FloatVector power = broadcast(FLOATS, Simd.EXP2_6);
                power = power.fma(r, broadcast(FLOATS, Simd.EXP2_5));
                power = power.fma(r, broadcast(FLOATS, Simd.EXP2_4));
                power = power.fma(r, broadcast(FLOATS, Simd.EXP2_3));
                power = power.fma(r, broadcast(FLOATS, Simd.EXP2_2));
                power = power.fma(r, broadcast(FLOATS, Simd.EXP2_1));
                power = power.fma(r, broadcast(FLOATS, 1));
                power.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                        .reinterpretAsFloats().intoArray(s, to + i * LANES);
            }
            to += tokens * LANES;
        }
    }

    /** {@link #addProducts} of the last four elements, times p; and the last four rows of dv. */
    private void scoreGradients(
            float[] s, int blocks, int values, int at, int dValues, boolean first) {
        int to = 0;
        for (int block = 0; block < blocks * LANES; block += LANES) {
            int v = values + block;
            FloatVector v0 = fromArray(FLOATS, s, v);
            FloatVector v1 = fromArray(FLOATS, s, v + padded);
            FloatVector v2 = fromArray(FLOATS, s, v + 2 * padded);
            FloatVector v3 = fromArray(FLOATS, s, v + 3 * padded);
            FloatVector dv0 = broadcast(FLOATS, 0);
            FloatVector dv1 = dv0, dv2 = dv0, dv3 = dv0;
            int p = probabilities + to;
            int ds = dScores + to;
            for (int i = 0; i < tokens; i++) {
                FloatVector sum = first ? broadcast(FLOATS, s[dots + i]) : fromArray(FLOATS, s, ds + i * LANES);
                FloatVector probability = fromArray(FLOATS, s, p + i * LANES);
                FloatVector e = fromArray(FLOATS, s, at + 4 * i * LANES);
                sum = e.fma(v0, sum);
                dv0 = e.fma(probability, dv0);
                e = fromArray(FLOATS, s, at + 4 * i * LANES + LANES);
                sum = e.fma(v1, sum);
                dv1 = e.fma(probability, dv1);
                e = fromArray(FLOATS, s, at + 4 * i * LANES + 2 * LANES);
                sum = e.fma(v2, sum);
                dv2 = e.fma(probability, dv2);
                e = fromArray(FLOATS, s, at + 4 * i * LANES + 3 * LANES);
                sum = e.fma(v3, sum);
                dv3 = e.fma(probability, dv3);
                sum.mul(probability).intoArray(s, ds + i * LANES);
            }
            int dv = dValues + block;
            dv0.intoArray(s, dv);
            dv1.intoArray(s, dv + padded);
            dv2.intoArray(s, dv + 2 * padded);
            dv3.intoArray(s, dv + 3 * padded);
            to += tokens * LANES;
        }
    }

    /** sum[d, b, :] = the sum over i of a[i, d] p[b, i, :], for four d. */
    private void weigh(float[] s, int blocks, int at, int sums) {
        int p = probabilities;
        for (int sum = sums; sum < sums + blocks * LANES; sum += LANES) {
            FloatVector sum0 = broadcast(FLOATS, 0);
            FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int i = 0; i < tokens; i++) {
                FloatVector v = fromArray(FLOATS, s, p + i * LANES);
                sum0 = v.fma(fromArray(FLOATS, s, at + 4 * i * LANES), sum0);
                sum1 = v.fma(fromArray(FLOATS, s, at + 4 * i * LANES + LANES), sum1);
                sum2 = v.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 2 * LANES), sum2);
                sum3 = v.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 3 * LANES), sum3);
            }
            sum0.intoArray(s, sum);
            sum1.intoArray(s, sum + padded);
            sum2.intoArray(s, sum + 2 * padded);
            sum3.intoArray(s, sum + 3 * padded);
            p += tokens * LANES;
        }
    }

    /** dk[d, b, :] = the sum over i of q[i, d] ds[b, i, :] and dq[i, d, :] += k[d, b, :] ds[b, i, :], for four d. */
    private void addGradients(float[] s, int blocks, int at, int keys, int dKeys, int dQueries) {
        int ds = dScores;
        for (int block = 0; block < blocks * LANES; block += LANES) {
            int k = keys + block;
            FloatVector k0 = fromArray(FLOATS, s, k);
            FloatVector k1 = fromArray(FLOATS, s, k + padded);
            FloatVector k2 = fromArray(FLOATS, s, k + 2 * padded);
            FloatVector k3 = fromArray(FLOATS, s, k + 3 * padded);
            FloatVector dk0 = broadcast(FLOATS, 0);
            FloatVector dk1 = dk0, dk2 = dk0, dk3 = dk0;
            for (int i = 0; i < tokens; i++) {
                int to = dQueries + 4 * i * LANES;
                FloatVector gradient = fromArray(FLOATS, s, ds + i * LANES);
                dk0 = gradient.fma(fromArray(FLOATS, s, at + 4 * i * LANES), dk0);
                dk1 = gradient.fma(fromArray(FLOATS, s, at + 4 * i * LANES + LANES), dk1);
                dk2 = gradient.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 2 * LANES), dk2);
                dk3 = gradient.fma(fromArray(FLOATS, s, at + 4 * i * LANES + 3 * LANES), dk3);
                gradient.fma(k0, fromArray(FLOATS, s, to)).intoArray(s, to);
                gradient.fma(k1, fromArray(FLOATS, s, to + LANES)).intoArray(s, to + LANES);
                gradient.fma(k2, fromArray(FLOATS, s, to + 2 * LANES)).intoArray(s, to + 2 * LANES);
                gradient.fma(k3, fromArray(FLOATS, s, to + 3 * LANES)).intoArray(s, to + 3 * LANES);
            }
            int dk = dKeys + block;
            dk0.intoArray(s, dk);
            dk1.intoArray(s, dk + padded);
            dk2.intoArray(s, dk + 2 * padded);
            dk3.intoArray(s, dk + 3 * padded);
            ds += tokens * LANES;
        }
    }
}
