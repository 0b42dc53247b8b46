// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * Products with a weight matrix so small that the copies and tiles of {@link Gemm} cost more than the product: 8 rows of
 * the weights, one vector of columns, stay in registers while the rows of A go by where they lie.
 *
 * <p>C2 reads an element of A and copies it to all lanes in one instruction, if nothing else in the expression was loaded
 * at another state of the memory. What stays in registers was loaded before C was written; therefore it is multiplied by
 * one, which makes it no load to C2.
 */
final class NarrowLinear {
    /** Rows of the weights that are used at once. */
    private static final int DEPTH = 8;
    /** The largest weight matrix: tiles take fewer instructions for a product, and more for what is around it. */
    private static final int MOST_ELEMENTS = 256;
    /** Not final, lest C2 know the value. */
    private static float one = 1;

    private NarrowLinear() {}

    static boolean suits(int depth, int columns) {
        return depth > 0 && depth % DEPTH == 0 && columns % LANES == 0 && (long) depth * columns <= MOST_ELEMENTS;
    }

    /**
     * C = init + A B; A and C are contiguous, and C is neither A nor B.
     *
     * @param b in panels as for {@link Gemm}, from bOffset on
     * @param init one value for each column
     */
    static void multiply(
            int depth, float[] a, int aOffset, int rows, float[] b, int bOffset, int columns, float[] init, float[] c,
            int cOffset) {
        int j = 0;
        for (; depth == DEPTH && j + 2 * LANES <= columns; j += 2 * LANES) {
            setPair(a, aOffset, rows, b, panel(bOffset, depth, j), init, j, c, cOffset + j, columns);
        }
        for (; j < columns; j += LANES) {
            int panel = panel(bOffset, depth, j);
            set(a, aOffset, depth, rows, b, panel, init, j, c, cOffset + j, columns);
            for (int k = DEPTH; k < depth; k += DEPTH) {
                add(a, aOffset + k, depth, rows, b, panel + k * Gemm.PANEL, c, cOffset + j, columns);
            }
        }
    }

    /** Where the column of B begins. */
    private static int panel(int bOffset, int depth, int column) {
        return bOffset + column / Gemm.PANEL * Gemm.PANEL * depth + column % Gemm.PANEL;
    }

    /**
     * c[r, :] = init + the sum over 8 k of a[r, k] b[k, :], for two vectors of columns; A has 8 columns, a constant that
     * spares checks of indices. Half of the weights stay in registers, and the others are read as part of the
     * multiplication: more than that would take longer than the multiplications, because every other one crosses a line.
     */
    private static void setPair(
            float[] a, int aOffset, int rows, float[] b, int bOffset, float[] init, int initOffset, float[] c,
            int cOffset, int cStride) {
        FloatVector left0 = fromArray(FLOATS, b, bOffset).mul(one);
        FloatVector right0 = fromArray(FLOATS, b, bOffset + LANES).mul(one);
        FloatVector left1 = fromArray(FLOATS, b, bOffset + Gemm.PANEL).mul(one);
        FloatVector right1 = fromArray(FLOATS, b, bOffset + Gemm.PANEL + LANES).mul(one);
        FloatVector left2 = fromArray(FLOATS, b, bOffset + 2 * Gemm.PANEL).mul(one);
        FloatVector right2 = fromArray(FLOATS, b, bOffset + 2 * Gemm.PANEL + LANES).mul(one);
        FloatVector left3 = fromArray(FLOATS, b, bOffset + 3 * Gemm.PANEL).mul(one);
        FloatVector right3 = fromArray(FLOATS, b, bOffset + 3 * Gemm.PANEL + LANES).mul(one);
        for (int r = 0; r < rows; r++) {
            int from = aOffset + r * DEPTH;
            FloatVector v = broadcast(FLOATS, a[from]);
            FloatVector left = v.fma(left0, fromArray(FLOATS, init, initOffset));
            FloatVector right = v.fma(right0, fromArray(FLOATS, init, initOffset + LANES));
            v = broadcast(FLOATS, a[from + 1]);
            left = v.fma(left1, left);
            right = v.fma(right1, right);
            v = broadcast(FLOATS, a[from + 2]);
            left = v.fma(left2, left);
            right = v.fma(right2, right);
            v = broadcast(FLOATS, a[from + 3]);
            left = v.fma(left3, left);
            right = v.fma(right3, right);
            v = broadcast(FLOATS, a[from + 4]);
            left = v.fma(fromArray(FLOATS, b, bOffset + 4 * Gemm.PANEL), left);
            right = v.fma(fromArray(FLOATS, b, bOffset + 4 * Gemm.PANEL + LANES), right);
            v = broadcast(FLOATS, a[from + 5]);
            left = v.fma(fromArray(FLOATS, b, bOffset + 5 * Gemm.PANEL), left);
            right = v.fma(fromArray(FLOATS, b, bOffset + 5 * Gemm.PANEL + LANES), right);
            v = broadcast(FLOATS, a[from + 6]);
            left = v.fma(fromArray(FLOATS, b, bOffset + 6 * Gemm.PANEL), left);
            right = v.fma(fromArray(FLOATS, b, bOffset + 6 * Gemm.PANEL + LANES), right);
            v = broadcast(FLOATS, a[from + 7]);
            left = v.fma(fromArray(FLOATS, b, bOffset + 7 * Gemm.PANEL), left);
            right = v.fma(fromArray(FLOATS, b, bOffset + 7 * Gemm.PANEL + LANES), right);
            left.intoArray(c, cOffset + r * cStride);
            right.intoArray(c, cOffset + r * cStride + LANES);
        }
    }

    /** c[r, :] = init + the sum over 8 k of a[r, k] b[k, :], for one vector of columns. */
    private static void set(
            float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, float[] init, int initOffset,
            float[] c, int cOffset, int cStride) {
        FloatVector start = fromArray(FLOATS, init, initOffset).mul(one);
        FloatVector b0 = fromArray(FLOATS, b, bOffset).mul(one);
        FloatVector b1 = fromArray(FLOATS, b, bOffset + Gemm.PANEL).mul(one);
        FloatVector b2 = fromArray(FLOATS, b, bOffset + 2 * Gemm.PANEL).mul(one);
        FloatVector b3 = fromArray(FLOATS, b, bOffset + 3 * Gemm.PANEL).mul(one);
        FloatVector b4 = fromArray(FLOATS, b, bOffset + 4 * Gemm.PANEL).mul(one);
        FloatVector b5 = fromArray(FLOATS, b, bOffset + 5 * Gemm.PANEL).mul(one);
        FloatVector b6 = fromArray(FLOATS, b, bOffset + 6 * Gemm.PANEL).mul(one);
        FloatVector b7 = fromArray(FLOATS, b, bOffset + 7 * Gemm.PANEL).mul(one);
        int from = aOffset;
        int to = cOffset;
        for (int r = 0; r < rows; r++) {
            FloatVector sum = broadcast(FLOATS, a[from]).fma(b0, start);
            sum = broadcast(FLOATS, a[from + 1]).fma(b1, sum);
            sum = broadcast(FLOATS, a[from + 2]).fma(b2, sum);
            sum = broadcast(FLOATS, a[from + 3]).fma(b3, sum);
            sum = broadcast(FLOATS, a[from + 4]).fma(b4, sum);
            sum = broadcast(FLOATS, a[from + 5]).fma(b5, sum);
            sum = broadcast(FLOATS, a[from + 6]).fma(b6, sum);
            broadcast(FLOATS, a[from + 7]).fma(b7, sum).intoArray(c, to);
            from += aStride;
            to += cStride;
        }
    }

    /** c[r, :] += the sum over 8 k of a[r, k] b[k, :]. */
    private static void add(
            float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, float[] c, int cOffset, int cStride) {
        FloatVector b0 = fromArray(FLOATS, b, bOffset).mul(one);
        FloatVector b1 = fromArray(FLOATS, b, bOffset + Gemm.PANEL).mul(one);
        FloatVector b2 = fromArray(FLOATS, b, bOffset + 2 * Gemm.PANEL).mul(one);
        FloatVector b3 = fromArray(FLOATS, b, bOffset + 3 * Gemm.PANEL).mul(one);
        FloatVector b4 = fromArray(FLOATS, b, bOffset + 4 * Gemm.PANEL).mul(one);
        FloatVector b5 = fromArray(FLOATS, b, bOffset + 5 * Gemm.PANEL).mul(one);
        FloatVector b6 = fromArray(FLOATS, b, bOffset + 6 * Gemm.PANEL).mul(one);
        FloatVector b7 = fromArray(FLOATS, b, bOffset + 7 * Gemm.PANEL).mul(one);
        int from = aOffset;
        int to = cOffset;
        for (int r = 0; r < rows; r++) {
            FloatVector sum = broadcast(FLOATS, a[from]).fma(b0, fromArray(FLOATS, c, to));
            sum = broadcast(FLOATS, a[from + 1]).fma(b1, sum);
            sum = broadcast(FLOATS, a[from + 2]).fma(b2, sum);
            sum = broadcast(FLOATS, a[from + 3]).fma(b3, sum);
            sum = broadcast(FLOATS, a[from + 4]).fma(b4, sum);
            sum = broadcast(FLOATS, a[from + 5]).fma(b5, sum);
            sum = broadcast(FLOATS, a[from + 6]).fma(b6, sum);
            broadcast(FLOATS, a[from + 7]).fma(b7, sum).intoArray(c, to);
            from += aStride;
            to += cStride;
        }
    }
}
