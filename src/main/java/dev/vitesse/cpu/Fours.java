// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Four elements of each of many tokens: as rows of four, or transposed, so that tokens lie along the lanes of four
 * vectors, one for each element. Four vectors of rows hold LANES tokens; transposed, they have these tokens in their
 * lanes, in another order: each group of four lanes has one token of each of the four vectors.
 */
final class Fours {
    /** A row. */
    static final VectorSpecies<Float> ROW = FloatVector.SPECIES_128;
    /** Gives the lanes of a transposed vector the order of the rows. */
    static final VectorShuffle<Float> BY_ROW =
            VectorShuffle.fromOp(FLOATS, lane -> lane % (LANES / 4) * 4 + lane / (LANES / 4));

    /** All bits of a float but its sign. */
    private static final int MAGNITUDE = 0x7fffffff;
    /** For each lane 1 or 0: in the first vector the number's last bit, in the second the last but one. */
    private static final float[] BITS = new float[2 * LANES];

    static {
        for (int lane = 0; lane < LANES; lane++) {
            BITS[lane] = lane & 1;
            BITS[LANES + lane] = lane >> 1 & 1;
        }
    }

    private Fours() {}

    /**
     * Copies a head's queries, keys and values, {@code width} apart from each other and 3 width from token to token, and
     * finds the largest magnitude of each of the four elements, of all queries and then of all keys.
     */
    static void gather(
            float[] x, int query, int width, int count, float[] s, int queries, int keys, int values, int magnitudes) {
        IntVector mostQuery = IntVector.zero(IntVector.SPECIES_128);
        IntVector mostKey = mostQuery;
        int from = query;
        for (int i = 0; i < 4 * count; i += 4) {
            // As whole numbers, magnitudes have the same order, and those that are not finite are the largest.
            FloatVector q = fromArray(ROW, x, from);
            mostQuery = q.reinterpretAsInts().and(MAGNITUDE).max(mostQuery);
            q.intoArray(s, queries + i);
            FloatVector k = fromArray(ROW, x, from + width);
            mostKey = k.reinterpretAsInts().and(MAGNITUDE).max(mostKey);
            k.intoArray(s, keys + i);
            fromArray(ROW, x, from + 2 * width).intoArray(s, values + i);
            from += 3 * width;
        }
        mostQuery.reinterpretAsFloats().intoArray(s, magnitudes);
        mostKey.reinterpretAsFloats().intoArray(s, magnitudes + 4);
    }

    /**
     * No product of a query and a key is larger; NaN if an element is.
     *
     * @param magnitudes what {@link #gather} found, for each four elements
     */
    static float mostProduct(float[] s, int magnitudes, int headWidth) {
        float sum = 0;
        for (int i = magnitudes; i < magnitudes + 2 * headWidth; i += 8) {
            sum += (s[i] * s[i + 4] + s[i + 1] * s[i + 5]) + (s[i + 2] * s[i + 6] + s[i + 3] * s[i + 7]);
        }
        return sum;
    }

    /**
     * Each element of a row in all lanes of a vector; from the vectors of one row to those of the next are 8 vectors.
     * Goes by four rows, as counting takes as long as a row: there must be room for three more.
     */
    static void repeat(float[] s, int rows, int count, int to) {
        for (int i = 0; i < 4 * count; i += 16) {
            int vectors = to + 2 * LANES * i;
            broadcast(FLOATS, s[rows + i]).intoArray(s, vectors);
            broadcast(FLOATS, s[rows + i + 1]).intoArray(s, vectors + LANES);
            broadcast(FLOATS, s[rows + i + 2]).intoArray(s, vectors + 2 * LANES);
            broadcast(FLOATS, s[rows + i + 3]).intoArray(s, vectors + 3 * LANES);
            broadcast(FLOATS, s[rows + i + 4]).intoArray(s, vectors + 8 * LANES);
            broadcast(FLOATS, s[rows + i + 5]).intoArray(s, vectors + 9 * LANES);
            broadcast(FLOATS, s[rows + i + 6]).intoArray(s, vectors + 10 * LANES);
            broadcast(FLOATS, s[rows + i + 7]).intoArray(s, vectors + 11 * LANES);
            broadcast(FLOATS, s[rows + i + 8]).intoArray(s, vectors + 16 * LANES);
            broadcast(FLOATS, s[rows + i + 9]).intoArray(s, vectors + 17 * LANES);
            broadcast(FLOATS, s[rows + i + 10]).intoArray(s, vectors + 18 * LANES);
            broadcast(FLOATS, s[rows + i + 11]).intoArray(s, vectors + 19 * LANES);
            broadcast(FLOATS, s[rows + i + 12]).intoArray(s, vectors + 24 * LANES);
            broadcast(FLOATS, s[rows + i + 13]).intoArray(s, vectors + 25 * LANES);
            broadcast(FLOATS, s[rows + i + 14]).intoArray(s, vectors + 26 * LANES);
            broadcast(FLOATS, s[rows + i + 15]).intoArray(s, vectors + 27 * LANES);
        }
    }

    /** Rows that lie side by side go to x[to], x[to + stride], ... */
    static void scatter(float[] s, int from, int count, float[] x, int to, int stride) {
        int next = to;
        for (int i = 0; i < count; i++) {
            fromArray(ROW, s, from + 4 * i).intoArray(x, next);
            next += stride;
        }
    }

    /**
     * Rows become columns or columns rows, each four vectors in their place.
     *
     * @param count of elements, a multiple of 4 {@link Simd#LANES}
     */
    static void transpose(float[] s, int start, int count) {
        VectorMask<Float> odd = fromArray(FLOATS, BITS, 0).compare(VectorOperators.NE, 0);
        VectorMask<Float> upper = fromArray(FLOATS, BITS, LANES).compare(VectorOperators.NE, 0);
        for (int i = start; i < start + count; i += 4 * LANES) {
            FloatVector a = fromArray(FLOATS, s, i).blend(fromArray(FLOATS, s, i + LANES - 1), odd);
            FloatVector b = fromArray(FLOATS, s, i + 2 * LANES - 2).blend(fromArray(FLOATS, s, i + 3 * LANES - 3), odd);
            FloatVector column0 = a.blend(b, upper);
            a = fromArray(FLOATS, s, i + 1).blend(fromArray(FLOATS, s, i + LANES), odd);
            b = fromArray(FLOATS, s, i + 2 * LANES - 1).blend(fromArray(FLOATS, s, i + 3 * LANES - 2), odd);
            FloatVector column1 = a.blend(b, upper);
            a = fromArray(FLOATS, s, i + 2).blend(fromArray(FLOATS, s, i + LANES + 1), odd);
            b = fromArray(FLOATS, s, i + 2 * LANES).blend(fromArray(FLOATS, s, i + 3 * LANES - 1), odd);
            FloatVector column2 = a.blend(b, upper);
            a = fromArray(FLOATS, s, i + 3).blend(fromArray(FLOATS, s, i + LANES + 2), odd);
            b = fromArray(FLOATS, s, i + 2 * LANES + 1).blend(fromArray(FLOATS, s, i + 3 * LANES), odd);
            a.blend(b, upper).intoArray(s, i + 3 * LANES);
            column2.intoArray(s, i + 2 * LANES);
            column1.intoArray(s, i + LANES);
            column0.intoArray(s, i);
        }
    }
}
