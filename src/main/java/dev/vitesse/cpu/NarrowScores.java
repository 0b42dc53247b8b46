// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Scores of narrow heads and their powers of two: those of the tokens of a vector, four vectors for {@link Fours} each,
 * with all tokens of which each element was repeated in all lanes of a vector, rows of eight vectors each.
 */
final class NarrowScores {
    /**
     * Scores up to this, as powers of two, need nothing taken out of them: there is room for sums of thousands of them
     * times values up to 2^50, and for gradients down to 2^-60.
     */
    static final float MOST_SCORE = 48;
    // For -1/2 to 1/2, 2^r is POWER times a polynomial of degree 5 with these coefficients and 1, to 8e-8 and with the
    // roundings to 2e-7. It is the polynomial with the least relative error, divided by the coefficient of r^5: that saves
    // an operation, and where powers are divided by their sum or have other factors anyway, POWER costs nothing.
    static final float POWER = 1.32764749e-3f;
    private static final float POWER_0 = 753.21220262f;
    private static final float POWER_1 = 522.08671639f;
    private static final float POWER_2 = 180.93752412f;
    private static final float POWER_3 = 41.80864671f;
    private static final float POWER_4 = 7.28773528f;

    private NarrowScores() {}

    /**
     * to[i, :] (+)= factor times the sum over four d of row[i, d] a[d, :].
     *
     * @param count of rows, times LANES
     */
    static void addProducts(
            float[] s, int a, float factor, int rows, int count, int to, boolean first) {
        FloatVector a0 = fromArray(FLOATS, s, a).mul(factor);
        FloatVector a1 = fromArray(FLOATS, s, a + LANES).mul(factor);
        FloatVector a2 = fromArray(FLOATS, s, a + 2 * LANES).mul(factor);
        FloatVector a3 = fromArray(FLOATS, s, a + 3 * LANES).mul(factor);
        for (int i = 0; i < count; i += LANES) {
            int row = rows + 8 * i;
            FloatVector sum = a0.mul(fromArray(FLOATS, s, row));
            if (!first) {
                sum = fromArray(FLOATS, s, to + i).add(sum);
            }
            sum = a1.fma(fromArray(FLOATS, s, row + LANES), sum);
            sum = a2.fma(fromArray(FLOATS, s, row + 2 * LANES), sum);
            a3.fma(fromArray(FLOATS, s, row + 3 * LANES), sum).intoArray(s, to + i);
        }
    }

    /** The same, and 2 to the power of that, divided by POWER, for scores up to MOST_SCORE. */
    static void addProductsAndRaise(
            float[] s, int a, float factor, int rows, int count, int to, boolean first) {
        // Multiplied, what stays in registers is no load to C2, which thus has the others done by the multiply-adds.
        FloatVector a0 = fromArray(FLOATS, s, a).mul(factor);
        FloatVector a1 = fromArray(FLOATS, s, a + LANES).mul(factor);
        FloatVector a2 = fromArray(FLOATS, s, a + 2 * LANES).mul(factor);
        FloatVector a3 = fromArray(FLOATS, s, a + 3 * LANES).mul(factor);
        for (int i = 0; i < count; i += LANES) {
            int row = rows + 8 * i;
            FloatVector x = a0.mul(fromArray(FLOATS, s, row));
            if (!first) {
                x = fromArray(FLOATS, s, to + i).add(x);
            }
            x = a1.fma(fromArray(FLOATS, s, row + LANES), x);
            x = a2.fma(fromArray(FLOATS, s, row + 2 * LANES), x);
            x = a3.fma(fromArray(FLOATS, s, row + 3 * LANES), x);
            FloatVector rounded = x.add(Simd.ROUND);
            FloatVector r = x.sub(rounded.sub(Simd.ROUND));
            FloatVector z = r.mul(r);
            FloatVector p = r.fma(broadcast(FLOATS, POWER_3), broadcast(FLOATS, POWER_2));
            p = z.fma(r.add(POWER_4), p);
            p = z.fma(p, r.fma(broadcast(FLOATS, POWER_1), broadcast(FLOATS, POWER_0)));
            p.reinterpretAsInts().add(rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                    .reinterpretAsFloats().intoArray(s, to + i);
        }
    }
}
