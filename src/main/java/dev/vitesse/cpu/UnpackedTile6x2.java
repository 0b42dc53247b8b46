// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static java.lang.invoke.VarHandle.loadLoadFence;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * {@link Tile6x2}, which says why the code looks like this, for a left operand that lies in memory by columns and is read
 * there: where few columns of C use what packing would copy, the copy costs more than the checks of a longer stride.
 */
final class UnpackedTile6x2 {
    /** Not final, lest C2 know the value. */
    private static int one = 1;

    private UnpackedTile6x2() {}

    /**
     * C = init + A B for a column of tiles, with A[i, k] at a[aOffset + k aStride + i].
     *
     * @param depth a multiple of four
     * @param rows of C, a multiple of six
     * @param b a panel, of which the first 2 vectors of each row are used
     * @param initStride the distance of the rows of init; 0 where all rows begin alike
     */
    static void byColumns(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, float[] init,
            int initOffset, int initStride, float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += 6) {
            int from = initOffset + row * initStride;
            FloatVector c00 = fromArray(FLOATS, init, from);
            FloatVector c01 = fromArray(FLOATS, init, from + LANES);
            from += initStride;
            FloatVector c10 = fromArray(FLOATS, init, from);
            FloatVector c11 = fromArray(FLOATS, init, from + LANES);
            from += initStride;
            FloatVector c20 = fromArray(FLOATS, init, from);
            FloatVector c21 = fromArray(FLOATS, init, from + LANES);
            from += initStride;
            FloatVector c30 = fromArray(FLOATS, init, from);
            FloatVector c31 = fromArray(FLOATS, init, from + LANES);
            from += initStride;
            FloatVector c40 = fromArray(FLOATS, init, from);
            FloatVector c41 = fromArray(FLOATS, init, from + LANES);
            from += initStride;
            FloatVector c50 = fromArray(FLOATS, init, from);
            FloatVector c51 = fromArray(FLOATS, init, from + LANES);
            int ka = aOffset + row;
            int kb = bOffset;
            int stepA = aStride * one;
            int stepB = 4 * Gemm.PANEL * one;
            for (int k = 0; k < depth; k += 4) {
                FloatVector b0 = fromArray(FLOATS, b, kb);
                FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
                FloatVector x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                ka += stepA;
                b0 = fromArray(FLOATS, b, kb + Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                ka += stepA;
                b0 = fromArray(FLOATS, b, kb + 2 * Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + 2 * Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                ka += stepA;
                b0 = fromArray(FLOATS, b, kb + 3 * Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + 3 * Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                ka += stepA;
                kb += stepB;
            }
            int to = cOffset + row * cStride;
            c00.intoArray(c, to);
            c01.intoArray(c, to + LANES);
            to += cStride;
            c10.intoArray(c, to);
            c11.intoArray(c, to + LANES);
            to += cStride;
            c20.intoArray(c, to);
            c21.intoArray(c, to + LANES);
            to += cStride;
            c30.intoArray(c, to);
            c31.intoArray(c, to + LANES);
            to += cStride;
            c40.intoArray(c, to);
            c41.intoArray(c, to + LANES);
            to += cStride;
            c50.intoArray(c, to);
            c51.intoArray(c, to + LANES);
        }
    }
}
