// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The loops of {@link NarrowAttentionBackward} over all queries and a block of a vector of keys, each for four elements
 * of a head. They read rows of eight vectors, q and dc' of a query, and columns of four, of a block's keys or values.
 */
final class NarrowGradients {
    /** Keys whose contributions to dq are summed in one step: four vectors. */
    static final int KEYS = 4 * LANES;

    private final int tokens;
    private final float scale;
    /** A vector for each query. */
    private final int vectors;
    // The parts of the working memory; of shifts and dots every LANES-th element counts.
    private final int shifts;
    private final int dots;
    private final int probabilities;
    private final int derivatives;
    private final int dScores;
    private final int end;

    /**
     * @param start where the working memory begins
     * @param keys whose gradients of the scores are held at once, a multiple of KEYS
     */
    NarrowGradients(int start, int tokens, float scale, int keys) {
        this.tokens = tokens;
        this.scale = scale;
        vectors = Math.multiplyExact(tokens, LANES);
        int scores = Math.multiplyExact(tokens, keys);
        shifts = start;
        dots = Math.addExact(shifts, vectors);
        probabilities = Math.addExact(dots, vectors);
        derivatives = Math.addExact(probabilities, vectors);
        dScores = Math.addExact(derivatives, vectors);
        end = Math.addExact(dScores, scores);
    }

    /** Where the working memory ends. */
    int end() {
        return end;
    }

    /** -scale D' of each query: minus the sum of each row of four products, added to what it is unless this is the first. */
    void subtractDots(float[] s, int products, boolean first) {
        for (int i = 0; i < 4 * tokens; i += 4) {
            int p = products + i;
            int dot = dots + i * (LANES / 4);
            s[dot] = (first ? 0 : s[dot]) - scale * ((s[p] + s[p + 1]) + (s[p + 2] + s[p + 3]));
        }
    }

    /** Takes lse[row + i] out of the scores of query i, unless scores are bounded. */
    void shift(float[] s, float[] lse, int row) {
        for (int i = 0; i < tokens; i++) {
            s[shifts + i * LANES] = -Simd.LOG2_E * lse[row + i];
        }
    }

    /** Scores of a block of keys, four elements of them, or the derivatives of the probabilities but for -D'. */
    void addProducts(float[] s, int keys, int values, int rows, boolean first) {
        NarrowScores.addProducts(s, keys, scale * Simd.LOG2_E, rows, vectors, probabilities, first);
        NarrowScores.addProducts(s, values, scale, rows + 4 * LANES, vectors, derivatives, first);
    }

    /** The last four elements' part of the scores, and p. */
    void probabilities(float[] s, int keys, int rows, boolean only, boolean bounded) {
        float factor = scale * Simd.LOG2_E;
        if (bounded) {
            NarrowScores.addProductsAndRaise(s, keys, factor, rows, vectors, probabilities, only);
            return;
        }
        NarrowScores.addProducts(s, keys, factor, rows, vectors, probabilities, only);
        for (int i = 0; i < vectors; i += LANES) {
            FloatVector x = fromArray(FLOATS, s, probabilities + i).add(s[shifts + i]);
            // Where tokens are filled up, scores are 0 and may lie far above lse.
            x.blend(1, x.compare(VectorOperators.GT, 1)).intoArray(s, probabilities + i);
        }
        Simd.exp2(s, probabilities, vectors);
    }

    /**
     * ds, with the last four elements' part of what p is multiplied by; and the last four rows of dk and dv.
     *
     * @param block the number of this block among those whose dq is summed next
     */
    void scoreGradients(float[] s, int v, int rows, int block, int dk, int dv, boolean only) {
        int ds = dScores(block);
        FloatVector v0 = fromArray(FLOATS, s, v).mul(scale);
        FloatVector v1 = fromArray(FLOATS, s, v + LANES).mul(scale);
        FloatVector v2 = fromArray(FLOATS, s, v + 2 * LANES).mul(scale);
        FloatVector v3 = fromArray(FLOATS, s, v + 3 * LANES).mul(scale);
        FloatVector dv0 = broadcast(FLOATS, 0);
        FloatVector dv1 = dv0, dv2 = dv0, dv3 = dv0, dk0 = dv0, dk1 = dv0, dk2 = dv0, dk3 = dv0;
        for (int i = 0; i < vectors; i += LANES) {
            int row = rows + 8 * i;
            FloatVector sum = broadcast(FLOATS, s[dots + i]);
            if (!only) {
                sum = fromArray(FLOATS, s, derivatives + i).add(sum);
            }
            sum = v0.fma(fromArray(FLOATS, s, row + 4 * LANES), sum);
            sum = v1.fma(fromArray(FLOATS, s, row + 5 * LANES), sum);
            sum = v2.fma(fromArray(FLOATS, s, row + 6 * LANES), sum);
            sum = v3.fma(fromArray(FLOATS, s, row + 7 * LANES), sum);
            FloatVector gradient = sum.mul(fromArray(FLOATS, s, probabilities + i));
            gradient.intoArray(s, ds + 4 * i);
            // What is read again behind the store is read by the multiply-adds themselves, as if it were something else.
            FloatVector p = fromArray(FLOATS, s, probabilities + i);
            dv0 = p.fma(fromArray(FLOATS, s, row + 4 * LANES), dv0);
            dv1 = p.fma(fromArray(FLOATS, s, row + 5 * LANES), dv1);
            dv2 = p.fma(fromArray(FLOATS, s, row + 6 * LANES), dv2);
            dv3 = p.fma(fromArray(FLOATS, s, row + 7 * LANES), dv3);
            dk0 = gradient.fma(fromArray(FLOATS, s, row), dk0);
            dk1 = gradient.fma(fromArray(FLOATS, s, row + LANES), dk1);
            dk2 = gradient.fma(fromArray(FLOATS, s, row + 2 * LANES), dk2);
            dk3 = gradient.fma(fromArray(FLOATS, s, row + 3 * LANES), dk3);
        }
        dk0.intoArray(s, dk);
        dk1.intoArray(s, dk + LANES);
        dk2.intoArray(s, dk + 2 * LANES);
        dk3.intoArray(s, dk + 3 * LANES);
        dv0.intoArray(s, dv);
        dv1.intoArray(s, dv + LANES);
        dv2.intoArray(s, dv + 2 * LANES);
        dv3.intoArray(s, dv + 3 * LANES);
    }

    /** Four other rows of dk and dv. */
    void otherGradients(float[] s, int rows, int block, int dk, int dv) {
        weigh(s, dScores(block), 4, rows, dk);
        weigh(s, probabilities, 1, rows + 4 * LANES, dv);
    }

    /** sum[d, :] = the sum over i of row[i, d] p[i, :], for four d. */
    private void weigh(float[] s, int p, int stride, int rows, int sum) {
        FloatVector sum0 = broadcast(FLOATS, 0);
        FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
        for (int i = 0; i < vectors; i += LANES) {
            int row = rows + 8 * i;
            FloatVector v = fromArray(FLOATS, s, p + stride * i);
            sum0 = v.fma(fromArray(FLOATS, s, row), sum0);
            sum1 = v.fma(fromArray(FLOATS, s, row + LANES), sum1);
            sum2 = v.fma(fromArray(FLOATS, s, row + 2 * LANES), sum2);
            sum3 = v.fma(fromArray(FLOATS, s, row + 3 * LANES), sum3);
        }
        sum0.intoArray(s, sum);
        sum1.intoArray(s, sum + LANES);
        sum2.intoArray(s, sum + 2 * LANES);
        sum3.intoArray(s, sum + 3 * LANES);
    }

    /** Where the first query's gradients of a block's scores lie; the next query's are four vectors further. */
    private int dScores(int block) {
        return dScores + block / 4 * 4 * vectors + block % 4 * LANES;
    }

    /**
     * dq[i, d, :] (+)= the sum over b of k[d, b, :] ds[b, i, :], for four d.
     *
     * @param blocks of keys; those that are missing in the last four are zero
     */
    void addQueryGradients(float[] s, int blocks, int keys, int dQueries, boolean first) {
        for (int b = blocks; b % 4 != 0; b++) {
            clear(s, dScores(b));
        }
        for (int b = 0; b < blocks; b += 4) {
            addFourBlocks(s, keys + 4 * b * LANES, dScores(b), dQueries, first && b == 0);
        }
    }

    private void clear(float[] s, int ds) {
        for (int i = 0; i < 4 * vectors; i += 4 * LANES) {
            broadcast(FLOATS, 0).intoArray(s, ds + i);
        }
    }

    private void addFourBlocks(float[] s, int k, int ds, int dQueries, boolean first) {
        FloatVector zero = broadcast(FLOATS, 0);
        for (int i = 0; i < 4 * vectors; i += 4 * LANES) {
            FloatVector x = fromArray(FLOATS, s, ds + i);
            FloatVector a = x.fma(fromArray(FLOATS, s, k), first ? zero : fromArray(FLOATS, s, dQueries + i));
            FloatVector b = x.fma(fromArray(FLOATS, s, k + LANES),
                    first ? zero : fromArray(FLOATS, s, dQueries + i + LANES));
            FloatVector c = x.fma(fromArray(FLOATS, s, k + 2 * LANES),
                    first ? zero : fromArray(FLOATS, s, dQueries + i + 2 * LANES));
            FloatVector d = x.fma(fromArray(FLOATS, s, k + 3 * LANES),
                    first ? zero : fromArray(FLOATS, s, dQueries + i + 3 * LANES));
            x = fromArray(FLOATS, s, ds + i + LANES);
            a = x.fma(fromArray(FLOATS, s, k + 4 * LANES), a);
            b = x.fma(fromArray(FLOATS, s, k + 5 * LANES), b);
            c = x.fma(fromArray(FLOATS, s, k + 6 * LANES), c);
            d = x.fma(fromArray(FLOATS, s, k + 7 * LANES), d);
            x = fromArray(FLOATS, s, ds + i + 2 * LANES);
            a = x.fma(fromArray(FLOATS, s, k + 8 * LANES), a);
            b = x.fma(fromArray(FLOATS, s, k + 9 * LANES), b);
            c = x.fma(fromArray(FLOATS, s, k + 10 * LANES), c);
            d = x.fma(fromArray(FLOATS, s, k + 11 * LANES), d);
            x = fromArray(FLOATS, s, ds + i + 3 * LANES);
            x.fma(fromArray(FLOATS, s, k + 12 * LANES), a).intoArray(s, dQueries + i);
            x.fma(fromArray(FLOATS, s, k + 13 * LANES), b).intoArray(s, dQueries + i + LANES);
            x.fma(fromArray(FLOATS, s, k + 14 * LANES), c).intoArray(s, dQueries + i + 2 * LANES);
            x.fma(fromArray(FLOATS, s, k + 15 * LANES), d).intoArray(s, dQueries + i + 3 * LANES);
        }
    }
}
