// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Sums over the lanes of many vectors at once, which needs less than two instructions for each. Two vectors become one
 * whose lanes hold the sums of each one's halves, then of their quarters, and so on; the halves are brought together by
 * loads that begin in the middle of a vector. The order of additions is fixed.
 */
final class LaneSums {
    /** For each power of two h below LANES, from h LANES on: 1 in the lanes with bit h, else 0. */
    private static final float[] UPPER = new float[LANES * LANES];
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

    private LaneSums() {}

    /**
     * The vectors from s[start] on become their sums.
     *
     * @param count a multiple of {@link Simd#LANES}
     */
    static void sum(float[] s, int start, int count) {
        int pairs = count / 2;
        for (int half = LANES / 2; half > 0; half /= 2) {
            fold(s, start, pairs, half);
            pairs /= 2;
        }
    }

    /** After {@link #sum}, where from start on the sum of vector {@code vector} lies. */
    static int index(int vector) {
        return vector / LANES * LANES + ORDER[vector % LANES];
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
