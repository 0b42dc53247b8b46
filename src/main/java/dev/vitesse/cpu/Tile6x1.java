// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost product where six rows by one vector are left over. A tile of 6 rows by 1 vector
 * of C stays in 6 registers while k runs: per k, a vector load of B, 6 broadcasts of A, 6 multiply-adds.
 *
 * <pre>
 * C[r, :] = init + sum over k of A[r, k] B[k, :]        r &lt; 6
 * </pre>
 *
 * B is a panel [depth][{@link Gemm#PANEL}], of which the first vector of each row is used. Locals are named one by
 * one because C2 keeps no array of vectors in registers.
 */
final class Tile6x1 {
    /**
     * The distance of neighbours in a packed column. Not final, lest C2 see that six loads are neighbours: it then does
     * them together, runs out of registers and is half as fast.
     */
    private static int one = 1;

    private Tile6x1() {}

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
            from += initStride;
            FloatVector c10 = fromArray(FLOATS, init, from);
            from += initStride;
            FloatVector c20 = fromArray(FLOATS, init, from);
            from += initStride;
            FloatVector c30 = fromArray(FLOATS, init, from);
            from += initStride;
            FloatVector c40 = fromArray(FLOATS, init, from);
            from += initStride;
            FloatVector c50 = fromArray(FLOATS, init, from);
            for (int k = 0; k < depth; k++) {
                int kb = bOffset + k * Gemm.PANEL;
                FloatVector b0 = fromArray(FLOATS, b, kb);
                FloatVector x = broadcast(FLOATS, a[a0 + k]);
                c00 = x.fma(b0, c00);
                x = broadcast(FLOATS, a[a1 + k]);
                c10 = x.fma(b0, c10);
                x = broadcast(FLOATS, a[a2 + k]);
                c20 = x.fma(b0, c20);
                x = broadcast(FLOATS, a[a3 + k]);
                c30 = x.fma(b0, c30);
                x = broadcast(FLOATS, a[a4 + k]);
                c40 = x.fma(b0, c40);
                x = broadcast(FLOATS, a[a5 + k]);
                c50 = x.fma(b0, c50);
            }
            int to = cOffset + row * cStride;
            c00.intoArray(c, to);
            to += cStride;
            c10.intoArray(c, to);
            to += cStride;
            c20.intoArray(c, to);
            to += cStride;
            c30.intoArray(c, to);
            to += cStride;
            c40.intoArray(c, to);
            to += cStride;
            c50.intoArray(c, to);
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
        FloatVector c10 = c00;
        FloatVector c20 = c00;
        FloatVector c30 = c00;
        FloatVector c40 = c00;
        FloatVector c50 = c00;
        for (int k = 0; k < depth; k++) {
            int kb = bOffset + k * Gemm.PANEL;
            FloatVector b0 = fromArray(FLOATS, b, kb);
            FloatVector x = broadcast(FLOATS, a[a0 + 6 * k]);
            c00 = x.fma(b0, c00);
            x = broadcast(FLOATS, a[a1 + 6 * k]);
            c10 = x.fma(b0, c10);
            x = broadcast(FLOATS, a[a2 + 6 * k]);
            c20 = x.fma(b0, c20);
            x = broadcast(FLOATS, a[a3 + 6 * k]);
            c30 = x.fma(b0, c30);
            x = broadcast(FLOATS, a[a4 + 6 * k]);
            c40 = x.fma(b0, c40);
            x = broadcast(FLOATS, a[a5 + 6 * k]);
            c50 = x.fma(b0, c50);
        }
        int to = cOffset;
        c00.intoArray(c, to);
        to += cStride;
        c10.intoArray(c, to);
        to += cStride;
        c20.intoArray(c, to);
        to += cStride;
        c30.intoArray(c, to);
        to += cStride;
        c40.intoArray(c, to);
        to += cStride;
        c50.intoArray(c, to);
    }
}
