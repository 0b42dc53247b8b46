// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static java.lang.invoke.VarHandle.loadLoadFence;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * The innermost product for processors with 16 vector registers (AVX2, SSE), and for what is left over. A tile of 6
 * rows by 2 vectors of C stays in 12 registers while k runs: per k, 2 vector loads of B, 6 broadcasts of A, 12
 * multiply-adds, and hardly anything else: the multiply-adds alone take 6 cycles, in which a processor of today decodes
 * 24 to 36 instructions.
 *
 * <pre>
 * C[r, :] = init + sum over k of A[r, k] B[k, :]        r &lt; 6
 * </pre>
 *
 * B is a panel [depth][{@link Gemm#PANEL}], of which the first 2 vectors of each row are used. A is packed, so that one
 * index reaches all of it, or has its six rows side by side. What else the code looks like is for C2's sake:
 *
 * <ul>
 *   <li>Locals are named one by one because C2 keeps no array of vectors in registers.
 *   <li>{@code loadLoadFence} follows each row, lest C2 load many elements of A first and run out of registers.
 *   <li>Four k are written out, because C2 does not unroll loops over vectors, and packed so that the four share an
 *       index that fits a byte in the instruction.
 *   <li>What is left of k has a method of its own: a second loop has C2 spill vectors within the first. For the same
 *       reason init is read row by row, although all rows often begin alike.
 *   <li>The indices grow by a value that is not a constant to C2. It would else check the bounds of each access once
 *       before the loop, which are 200 instructions for a tile; now it checks a few of them within.
 * </ul>
 */
final class Tile6x2 {
    /** Not final, lest C2 know the value. */
    private static int one = 1;

    private Tile6x2() {}

    /**
     * A column of tiles, with A packed by {@link Packing#packRows}. Whole tiles are written. One call for many tiles,
     * because a call costs as much as some ten k.
     *
     * @param rows of C, in tiles of six
     * @param initStride the distance of the rows of init; 0 where all rows begin alike
     */
    static void byRows(
            int depth, float[] a, int aOffset, int rows, float[] b, int bOffset, float[] init, int initOffset,
            int initStride, float[] c, int cOffset, int cStride) {
        int stride = Packing.fours(depth);
        int four = depth / 4 * 4;
        foursByRows(four, a, aOffset, stride, rows, b, bOffset, init, initOffset, initStride, c, cOffset, cStride);
        if (four < depth) {
            rest(depth - four, a, aOffset + 6 * four, stride, 4, 1, rows, b, bOffset + four * Gemm.PANEL, c, cOffset,
                    cStride);
        }
    }

    /** The same with A packed by {@link Packing#packColumns}. */
    static void byColumns(
            int depth, float[] a, int aOffset, int rows, float[] b, int bOffset, float[] init, int initOffset,
            int initStride, float[] c, int cOffset, int cStride) {
        int four = depth / 4 * 4;
        foursByColumns(four, a, aOffset, 6, depth, rows, b, bOffset, init, initOffset, initStride, c, cOffset, cStride);
        if (four < depth) {
            rest(depth - four, a, aOffset + 6 * four, depth, 1, 6, rows, b, bOffset + four * Gemm.PANEL, c, cOffset,
                    cStride);
        }
    }

    /**
     * C = init + A B for a depth that is a multiple of four.
     *
     * @param aStride elements of a row in its sliver
     */
    private static void foursByRows(
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
            int ka = aOffset + row * aStride;
            int kb = bOffset;
            int stepA = 24 * one;
            int stepB = 4 * Gemm.PANEL * one;
            for (int k = 0; k < depth; k += 4) {
                FloatVector b0 = fromArray(FLOATS, b, kb);
                FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
                FloatVector x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 8]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 12]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 16]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 20]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                b0 = fromArray(FLOATS, b, kb + Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka + 1]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 9]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 13]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 17]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 21]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                b0 = fromArray(FLOATS, b, kb + 2 * Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + 2 * Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka + 2]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 6]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 10]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 14]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 18]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 22]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                b0 = fromArray(FLOATS, b, kb + 3 * Gemm.PANEL);
                b1 = fromArray(FLOATS, b, kb + 3 * Gemm.PANEL + LANES);
                x = broadcast(FLOATS, a[ka + 3]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 7]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 11]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 15]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 19]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 23]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
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

    /**
     * The same with A by columns, A[i, k] at a[aOffset + k aStride + i] within a tile. A need not be packed: a stride that
     * C2 does not know costs a check for each k, and a copy more than that where few columns of C use it.
     *
     * @param aTile a sixth of what lies between tiles of A: their depth where they are slivers, 1 side by side
     */
    static void foursByColumns(
            int depth, float[] a, int aOffset, int aStride, int aTile, int rows, float[] b, int bOffset, float[] init,
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
            int ka = aOffset + row * aTile;
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

    /**
     * C += A B for the one to three k that are left over. Short, because a process that computes one image waits for C2
     * to compile it, and of all that is multiplied this is one part in fifty.
     *
     * @param rowStep the distance of rows in a sliver
     * @param step the distance of neighbours in a row
     */
    private static void rest(
            int depth, float[] a, int aOffset, int aStride, int rowStep, int step, int rows, float[] b, int bOffset,
            float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += 6) {
            for (int r = 0; r < 6; r++) {
                int to = cOffset + (row + r) * cStride;
                FloatVector c0 = fromArray(FLOATS, c, to);
                FloatVector c1 = fromArray(FLOATS, c, to + LANES);
                int from = aOffset + row * aStride + r * rowStep;
                for (int k = 0; k < depth; k++) {
                    FloatVector x = broadcast(FLOATS, a[from + k * step]);
                    int kb = bOffset + k * Gemm.PANEL;
                    c0 = x.fma(fromArray(FLOATS, b, kb), c0);
                    c1 = x.fma(fromArray(FLOATS, b, kb + LANES), c1);
                }
                c0.intoArray(c, to);
                c1.intoArray(c, to + LANES);
            }
        }
    }
}
