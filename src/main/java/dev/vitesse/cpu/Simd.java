// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors in use, and what the Vector API lacks in exactly defined form.
 *
 * <p>In this package no vector is ever an argument or a result of a method of our own. C2 stops inlining after some
 * 18000 nodes (about 45 vector operations), helpers of one line included, and a vector that crosses a call is an
 * object on the heap: the loop is then several times slower, depending on what was compiled first. Instead, vectors
 * pass through arrays in the first-level cache.
 */
final class Simd {
    static final VectorSpecies<Float> FLOATS = species();
    static final VectorSpecies<Integer> INTS = VectorSpecies.of(int.class, FLOATS.vectorShape());
    static final int LANES = FLOATS.length();
    static final int BITS = FLOATS.vectorBitSize();
    /** Elements of a cache line of 64 bytes. */
    private static final int LINE = 16;

    static final float LOG2_E = 1.44269504088896341f;
    /** ln 2 in two parts, of which the first has few bits, so that its product with an exponent is exact. */
    private static final float LN2_HIGH = 0.693359375f;

    private static final float LN2_LOW = -2.12194440e-4f;
    /** Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
    static final float ROUND = 12582912f;
    private static final int SQRT_HALF_BITS = 0x3f3504f3;
    /** The exponent of the smallest normal number. */
    static final float LEAST_EXPONENT = -126f;
    // The polynomial of exp2 for -1/2 to 1/2 (Cephes' exp2f).
    static final float EXP2_6 = 1.535336188319500e-4f;
    static final float EXP2_5 = 1.339887440266574e-3f;
    static final float EXP2_4 = 9.618437357674640e-3f;
    static final float EXP2_3 = 5.550332471162809e-2f;
    static final float EXP2_2 = 2.402264791363012e-1f;
    static final float EXP2_1 = 6.931472028550421e-1f;

    private Simd() {}

    /**
     * The processor's vectors; at least 128 bits, also where the JVM prefers less because it compiles no vectors. The
     * property {@code vitesse.vector.bits} (128, 256, 512) is for tests: vectors that the processor lacks are computed in
     * Java, slowly but alike.
     */
    private static VectorSpecies<Float> species() {
        return switch (Integer.getInteger("vitesse.vector.bits", FloatVector.SPECIES_PREFERRED.vectorBitSize())) {
            case 256 -> FloatVector.SPECIES_256;
            case 512 -> FloatVector.SPECIES_512;
            default -> FloatVector.SPECIES_128;
        };
    }

    /** {@code count} filled up to whole vectors. */
    static int whole(int count) {
        return Math.ceilDiv(count, LANES) * LANES;
    }

    /**
     * Brings a block into the cache in memory's order. For blocks of which columns are read next: the processor fetches
     * ahead along lines that follow each other, not along a column.
     *
     * @return a value to be kept somewhere, lest the loop be left out
     */
    static float touch(float[] x, int start, int count) {
        int bits = 0;
        for (int i = start; i < start + count; i += LINE) {
            bits |= Float.floatToRawIntBits(x[i]);
        }
        return bits;
    }

    /**
     * The sum of x[start] to x[start + LANES - 1], added in pairs: a fixed order, which reduceLanes does not promise.
     */
    static float sumLanes(float[] x, int start) {
        float sum = 0;
        for (int i = 0; i < LANES; i += 4) {
            sum += (x[start + i] + x[start + i + 1]) + (x[start + i + 2] + x[start + i + 3]);
        }
        return sum;
    }

    /**
     * x[i] = e^x[i] to 1e-7 relative for x up to 88, for x below -87 as for -87; NaN gives NaN. With n = round(x / ln
     * 2) and r = x - n ln 2, it is 2^n times a polynomial in r (Cephes' expf).
     *
     * @param count a multiple of {@link #LANES}
     */
    static void exp(float[] array, int start, int count) {
        for (int i = start; i < start + count; i += LANES) {
            FloatVector x = fromArray(FLOATS, array, i);
            x = x.blend(-87f, x.compare(VectorOperators.LT, -87f));
            FloatVector rounded = x.fma(broadcast(FLOATS, LOG2_E), broadcast(FLOATS, ROUND));
            FloatVector n = rounded.sub(ROUND);
            FloatVector r = n.fma(broadcast(FLOATS, -LN2_HIGH), x);
            r = n.fma(broadcast(FLOATS, -LN2_LOW), r);
            FloatVector p = broadcast(FLOATS, 1.9875691500e-4f);
            p = p.fma(r, broadcast(FLOATS, 1.3981999507e-3f));
            p = p.fma(r, broadcast(FLOATS, 8.3334519073e-3f));
            p = p.fma(r, broadcast(FLOATS, 4.1665795894e-2f));
            p = p.fma(r, broadcast(FLOATS, 1.6666665459e-1f));
            p = p.fma(r, broadcast(FLOATS, 5.0000001201e-1f));
            p = p.fma(r.mul(r), r).add(1f);
            IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            p.reinterpretAsInts().add(exponent).reinterpretAsFloats().intoArray(array, i);
        }
    }

    /**
     * x[i] = 2^x[i] to 1e-7 relative for x up to 127, for x below -126 as for -126; NaN gives NaN. As {@link #exp}, but
     * r = x - round(x) is exact.
     *
     * @param count a multiple of {@link #LANES}
     */
    static void exp2(float[] array, int start, int count) {
        for (int i = start; i < start + count; i += LANES) {
            FloatVector x = fromArray(FLOATS, array, i);
            x = x.blend(LEAST_EXPONENT, x.compare(VectorOperators.LT, LEAST_EXPONENT));
            FloatVector rounded = x.add(ROUND);
            FloatVector r = x.sub(rounded.sub(ROUND));
            FloatVector p = broadcast(FLOATS, EXP2_6);
            p = p.fma(r, broadcast(FLOATS, EXP2_5));
            p = p.fma(r, broadcast(FLOATS, EXP2_4));
            p = p.fma(r, broadcast(FLOATS, EXP2_3));
            p = p.fma(r, broadcast(FLOATS, EXP2_2));
            p = p.fma(r, broadcast(FLOATS, EXP2_1));
            p = p.fma(r, broadcast(FLOATS, 1));
            IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
            p.reinterpretAsInts().add(exponent).reinterpretAsFloats().intoArray(array, i);
        }
    }

    /**
     * x[i] = log x[i] to 1e-7 (of the result, or absolute where that is larger) for normal positive x; NaN gives NaN. With
     * x = 2^n m and m between sqrt(1/2) and sqrt(2), it is n ln 2 plus a polynomial in m - 1 (Cephes' logf).
     *
     * @param count a multiple of {@link #LANES}
     */
    static void log(float[] array, int start, int count) {
        for (int i = start; i < start + count; i += LANES) {
            FloatVector x = fromArray(FLOATS, array, i);
            IntVector bits = x.reinterpretAsInts();
            IntVector exponent = bits.sub(SQRT_HALF_BITS).lanewise(VectorOperators.ASHR, 23);
            FloatVector n = exponent.add(Float.floatToRawIntBits(ROUND)).reinterpretAsFloats().sub(ROUND);
            FloatVector r = bits.sub(exponent.lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats().sub(1f);
            FloatVector p = broadcast(FLOATS, 7.0376836292e-2f);
            p = p.fma(r, broadcast(FLOATS, -1.1514610310e-1f));
            p = p.fma(r, broadcast(FLOATS, 1.1676998740e-1f));
            p = p.fma(r, broadcast(FLOATS, -1.2420140846e-1f));
            p = p.fma(r, broadcast(FLOATS, 1.4249322787e-1f));
            p = p.fma(r, broadcast(FLOATS, -1.6668057665e-1f));
            p = p.fma(r, broadcast(FLOATS, 2.0000714765e-1f));
            p = p.fma(r, broadcast(FLOATS, -2.4999993993e-1f));
            p = p.fma(r, broadcast(FLOATS, 3.3333331174e-1f));
            p = p.fma(r, broadcast(FLOATS, -0.5f)).mul(r.mul(r));
            p = n.fma(broadcast(FLOATS, LN2_LOW), p).add(r).add(x.mul(0f));
            n.fma(broadcast(FLOATS, LN2_HIGH), p).intoArray(array, i);
        }
    }
}
