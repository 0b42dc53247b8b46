// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost product for processors with 32 vector registers (AVX-512, NEON). A tile of 6 rows by 4 vectors
 * of C stays in 24 registers while k runs: per k, 4 vector loads of B, 6 broadcasts of A, 24 multiply-adds.
 *
 * <pre>
 * C[r, :] = init + sum over k of A[r, k] B[k, :]        r &lt; 6
 * </pre>
 *
 * B is a panel [depth][{@link Gemm#PANEL}], of which the first 4 vectors of each row are used. Locals are named one by
 * one because C2 keeps no array of vectors in registers.
 */
final class Tile6x4 {
    /**
     * The distance of neighbours in a packed column. Not final, lest C2 see that six loads are neighbours: it then does
     * them together, runs out of registers and is half as fast.
     */
    private static int one = 1;

    private Tile6x4() {}

    /**
     * A column of tiles, with A by rows: A[r, k] at a[aOffset + r aStride + k], init likewise, with a stride of 0 where
     * all rows begin alike. Whole tiles are written: what is behind the last row repeats the last tile's first one. One
     * call for many tiles, because a call costs as much as some ten k.
     */
    static void byRows(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, float[] init,
            int initOffset, int initStride, float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += 6) {
            int a0 = aOffset + row * aStride;
            int a1 = rows - row > 1 ? a0 + aStride : a0;
            int a2 = rows - row > 2 ? a1 + aStride : a0;
            int a3 = rows - row > 3 ? a2 + aStride : a0;
            int a4 = rows - row > 4 ? a3 + aStride : a0;
            int a5 = rows - row > 5 ? a4 + aStride : a0;
            int from = initOffset + row * initStride;
            FloatVector c00 = fromArray(FLOATS, init, from);
            FloatVector c01 = fromArray(FLOATS, init, from + LANES);
            FloatVector c02 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c03 = fromArray(FLOATS, init, from + 3 * LANES);
            from += initStride;
            FloatVector c10 = fromArray(FLOATS, init, from);
            FloatVector c11 = fromArray(FLOATS, init, from + LANES);
            FloatVector c12 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c13 = fromArray(FLOATS, init, from + 3 * LANES);
            from += initStride;
            FloatVector c20 = fromArray(FLOATS, init, from);
            FloatVector c21 = fromArray(FLOATS, init, from + LANES);
            FloatVector c22 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c23 = fromArray(FLOATS, init, from + 3 * LANES);
            from += initStride;
            FloatVector c30 = fromArray(FLOATS, init, from);
            FloatVector c31 = fromArray(FLOATS, init, from + LANES);
            FloatVector c32 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c33 = fromArray(FLOATS, init, from + 3 * LANES);
            from += initStride;
            FloatVector c40 = fromArray(FLOATS, init, from);
            FloatVector c41 = fromArray(FLOATS, init, from + LANES);
            FloatVector c42 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c43 = fromArray(FLOATS, init, from + 3 * LANES);
            from += initStride;
            FloatVector c50 = fromArray(FLOATS, init, from);
            FloatVector c51 = fromArray(FLOATS, init, from + LANES);
            FloatVector c52 = fromArray(FLOATS, init, from + 2 * LANES);
            FloatVector c53 = fromArray(FLOATS, init, from + 3 * LANES);
            for (int k = 0; k < depth; k++) {
                int kb = bOffset + k * Gemm.PANEL;
                FloatVector b0 = fromArray(FLOATS, b, kb);
                FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
                FloatVector b2 = fromArray(FLOATS, b, kb + 2 * LANES);
                FloatVector b3 = fromArray(FLOATS, b, kb + 3 * LANES);
                FloatVector x = broadcast(FLOATS, a[a0 + k]);
                c00 = x.fma(b0, c00);
                c01 = x.fma(b1, c01);
                c02 = x.fma(b2, c02);
                c03 = x.fma(b3, c03);
                x = broadcast(FLOATS, a[a1 + k]);
                c10 = x.fma(b0, c10);
                c11 = x.fma(b1, c11);
                c12 = x.fma(b2, c12);
                c13 = x.fma(b3, c13);
                x = broadcast(FLOATS, a[a2 + k]);
                c20 = x.fma(b0, c20);
                c21 = x.fma(b1, c21);
                c22 = x.fma(b2, c22);
                c23 = x.fma(b3, c23);
                x = broadcast(FLOATS, a[a3 + k]);
                c30 = x.fma(b0, c30);
                c31 = x.fma(b1, c31);
                c32 = x.fma(b2, c32);
                c33 = x.fma(b3, c33);
                x = broadcast(FLOATS, a[a4 + k]);
                c40 = x.fma(b0, c40);
                c41 = x.fma(b1, c41);
                c42 = x.fma(b2, c42);
                c43 = x.fma(b3, c43);
                x = broadcast(FLOATS, a[a5 + k]);
                c50 = x.fma(b0, c50);
                c51 = x.fma(b1, c51);
                c52 = x.fma(b2, c52);
                c53 = x.fma(b3, c53);
            }
            int to = cOffset + row * cStride;
            c00.intoArray(c, to);
            c01.intoArray(c, to + LANES);
            c02.intoArray(c, to + 2 * LANES);
            c03.intoArray(c, to + 3 * LANES);
            to += cStride;
            c10.intoArray(c, to);
            c11.intoArray(c, to + LANES);
            c12.intoArray(c, to + 2 * LANES);
            c13.intoArray(c, to + 3 * LANES);
            to += cStride;
            c20.intoArray(c, to);
            c21.intoArray(c, to + LANES);
            c22.intoArray(c, to + 2 * LANES);
            c23.intoArray(c, to + 3 * LANES);
            to += cStride;
            c30.intoArray(c, to);
            c31.intoArray(c, to + LANES);
            c32.intoArray(c, to + 2 * LANES);
            c33.intoArray(c, to + 3 * LANES);
            to += cStride;
            c40.intoArray(c, to);
            c41.intoArray(c, to + LANES);
            c42.intoArray(c, to + 2 * LANES);
            c43.intoArray(c, to + 3 * LANES);
            to += cStride;
            c50.intoArray(c, to);
            c51.intoArray(c, to + LANES);
            c52.intoArray(c, to + 2 * LANES);
            c53.intoArray(c, to + 3 * LANES);
        }
    }

    /** With A packed by columns: A[r, k] at a[aOffset + 6 k + r]; init is zero. */
    static void byColumns(
            int depth, float[] a, int aOffset, float[] b, int bOffset, float[] c, int cOffset, int cStride) {
        int a0 = aOffset;
        int a1 = a0 + one;
        int a2 = a1 + one;
        int a3 = a2 + one;
        int a4 = a3 + one;
        int a5 = a4 + one;
        FloatVector c00 = broadcast(FLOATS, 0);
        FloatVector c01 = broadcast(FLOATS, 0);
        FloatVector c02 = broadcast(FLOATS, 0);
        FloatVector c03 = broadcast(FLOATS, 0);
        FloatVector c10 = c00, c11 = c01, c12 = c02, c13 = c03;
        FloatVector c20 = c00, c21 = c01, c22 = c02, c23 = c03;
        FloatVector c30 = c00, c31 = c01, c32 = c02, c33 = c03;
        FloatVector c40 = c00, c41 = c01, c42 = c02, c43 = c03;
        FloatVector c50 = c00, c51 = c01, c52 = c02, c53 = c03;
        for (int k = 0; k < depth; k++) {
            int kb = bOffset + k * Gemm.PANEL;
            FloatVector b0 = fromArray(FLOATS, b, kb);
            FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
            FloatVector b2 = fromArray(FLOATS, b, kb + 2 * LANES);
            FloatVector b3 = fromArray(FLOATS, b, kb + 3 * LANES);
            FloatVector x = broadcast(FLOATS, a[a0 + 6 * k]);
            c00 = x.fma(b0, c00);
            c01 = x.fma(b1, c01);
            c02 = x.fma(b2, c02);
            c03 = x.fma(b3, c03);
            x = broadcast(FLOATS, a[a1 + 6 * k]);
            c10 = x.fma(b0, c10);
            c11 = x.fma(b1, c11);
            c12 = x.fma(b2, c12);
            c13 = x.fma(b3, c13);
            x = broadcast(FLOATS, a[a2 + 6 * k]);
            c20 = x.fma(b0, c20);
            c21 = x.fma(b1, c21);
            c22 = x.fma(b2, c22);
            c23 = x.fma(b3, c23);
            x = broadcast(FLOATS, a[a3 + 6 * k]);
            c30 = x.fma(b0, c30);
            c31 = x.fma(b1, c31);
            c32 = x.fma(b2, c32);
            c33 = x.fma(b3, c33);
            x = broadcast(FLOATS, a[a4 + 6 * k]);
            c40 = x.fma(b0, c40);
            c41 = x.fma(b1, c41);
            c42 = x.fma(b2, c42);
            c43 = x.fma(b3, c43);
            x = broadcast(FLOATS, a[a5 + 6 * k]);
            c50 = x.fma(b0, c50);
            c51 = x.fma(b1, c51);
            c52 = x.fma(b2, c52);
            c53 = x.fma(b3, c53);
        }
        int to = cOffset;
        c00.intoArray(c, to);
        c01.intoArray(c, to + LANES);
        c02.intoArray(c, to + 2 * LANES);
        c03.intoArray(c, to + 3 * LANES);
        to += cStride;
        c10.intoArray(c, to);
        c11.intoArray(c, to + LANES);
        c12.intoArray(c, to + 2 * LANES);
        c13.intoArray(c, to + 3 * LANES);
        to += cStride;
        c20.intoArray(c, to);
        c21.intoArray(c, to + LANES);
        c22.intoArray(c, to + 2 * LANES);
        c23.intoArray(c, to + 3 * LANES);
        to += cStride;
        c30.intoArray(c, to);
        c31.intoArray(c, to + LANES);
        c32.intoArray(c, to + 2 * LANES);
        c33.intoArray(c, to + 3 * LANES);
        to += cStride;
        c40.intoArray(c, to);
        c41.intoArray(c, to + LANES);
        c42.intoArray(c, to + 2 * LANES);
        c43.intoArray(c, to + 3 * LANES);
        to += cStride;
        c50.intoArray(c, to);
        c51.intoArray(c, to + LANES);
        c52.intoArray(c, to + 2 * LANES);
        c53.intoArray(c, to + 3 * LANES);
    }
}
