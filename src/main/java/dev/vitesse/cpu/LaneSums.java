// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums over the lanes of many vectors at once, which needs less than two instructions for each. Two vectors become one
 * whose lanes hold the sums of each one's halves, then of their quarters, and so on; the halves are brought together by
 * loads that begin in the middle of a vector, the quarters by exchanging them. The order of additions is fixed.
 */
final class LaneSums {
    /** For each power of two h below LANES, from h LANES on: 1 in the lanes with bit h, else 0. */
    private static final float[] UPPER = new float[LANES * LANES];
    /** Exchanges the quarters of each half. */
    private static final VectorShuffle<Float> EXCHANGE = VectorShuffle.fromOp(FLOATS, lane -> lane ^ LANES / 4);
    /** Where the sum of each of LANES vectors is found: its number with the bits reversed. */
    private static final int[] ORDER = new int[LANES];

    static {
        for (int half = 1; half < LANES; half *= 2) {
            for (int lane = 0; lane < LANES; lane++) {
                UPPER[half * LANES + lane] = (lane & half) == 0 ? 0 : 1;
                ORDER[lane] = 2 * ORDER[lane] + ((lane & half) == 0 ? 0 : 1);
            }
        }
    }

    /** Gives the sums of LANES vectors the vectors' order. */
    private static final VectorShuffle<Float> IN_ORDER = VectorShuffle.fromArray(FLOATS, ORDER, 0);

    private LaneSums() {}

    /**
     * The vectors from s[start] on become their sums.
     *
     * @param count a multiple of {@link Simd#LANES}
     */
    static void sum(float[] s, int start, int count) {
        foldTwice(s, start, count / 4);
        int pairs = count / 8;
        for (int half = LANES / 8; half > 0; half /= 2) {
            fold(s, start, pairs, half);
            pairs /= 2;
        }
    }

    /** {@link #sum}, with the sum of vector i at s[start + i]. */
    static void sumInOrder(float[] s, int start, int count) {
        sum(s, start, count);
        for (int i = start; i < start + count; i += LANES) {
            fromArray(FLOATS, s, i).rearrange(IN_ORDER).intoArray(s, i);
        }
    }

    /** After {@link #sum}, where from start on the sum of vector {@code vector} lies. */
    static int index(int vector) {
        return vector / LANES * LANES + ORDER[vector % LANES];
    }

    /** Four vectors become one: halves and quarters are added up. */
    private static void foldTwice(float[] s, int start, int fours) {
        int half = LANES / 2;
        VectorMask<Float> upper = fromArray(FLOATS, UPPER, half * LANES).compare(VectorOperators.NE, 0);
        VectorMask<Float> odd = fromArray(FLOATS, UPPER, half / 2 * LANES).compare(VectorOperators.NE, 0);
        for (int i = 0; i < fours; i++) {
            int a = start + 4 * i * LANES;
            FloatVector first = fromArray(FLOATS, s, a).add(fromArray(FLOATS, s, a + half));
            FloatVector second = fromArray(FLOATS, s, a + LANES - half).add(fromArray(FLOATS, s, a + LANES));
            first = first.blend(second, upper);
            int b = a + 2 * LANES;
            second = fromArray(FLOATS, s, b).add(fromArray(FLOATS, s, b + half));
            FloatVector third = fromArray(FLOATS, s, b + LANES - half).add(fromArray(FLOATS, s, b + LANES));
            second = second.blend(third, upper);
            third = second.blend(first, odd).rearrange(EXCHANGE);
            first.blend(second, odd).add(third).intoArray(s, start + i * LANES);
        }
    }

    private static void fold(float[] s, int start, int pairs, int half) {
        VectorMask<Float> upper = fromArray(FLOATS, UPPER, half * LANES).compare(VectorOperators.NE, 0);
        for (int i = 0; i < pairs; i++) {
            int from = start + 2 * i * LANES;
            FloatVector first = fromArray(FLOATS, s, from).add(fromArray(FLOATS, s, from + half));
            FloatVector second = fromArray(FLOATS, s, from + LANES - half).add(fromArray(FLOATS, s, from + LANES));
            first.blend(second, upper).intoArray(s, start + i * LANES);
        }
    }
}
