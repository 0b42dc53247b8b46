// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static java.lang.invoke.VarHandle.loadLoadFence;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * Products of small matrices that are read where they lie, because packing them would cost as much as the product. Tiles
 * of C, 6 rows by 2 vectors, stay in registers as in {@link Tile6x2}, which says what the code looks like for C2's
 * sake. C has at least 6 rows; where they are no whole tiles, the last tile computes some rows again, to the same bits.
 */
final class StridedTile {
    /** Rows of a tile, and of C at least. */
    static final int ROWS = 6;
    /** The longest sum over rows of A. */
    static final int MOST_DEPTH = 128;
    /** Between copied rows; no power of two, lest they fall upon the same lines of the cache. */
    private static final int STRIDE = MOST_DEPTH + 16;
    /** Elements of working memory that {@link #byRows} wants. */
    static final int WORK = ROWS * STRIDE;
    /** Not final, lest C2 know the value. */
    private static int one = 1;

    private StridedTile() {}

    /**
     * C = A B for columns in pairs of vectors, the last of which may overlap the one before; A[i, k] at
     * a[aOffset + i aStride + k] and B[k, :] at b[bOffset + k bStride]. Six rows of A at a time are copied to where one
     * index reaches all of them.
     *
     * @param depth at most {@link #MOST_DEPTH}; a's rows are read to the end of the last vector
     * @param columns a multiple of LANES, at least 2 LANES
     * @param work {@link #WORK} elements from workOffset on
     */
    static void byRows(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int bStride, int columns,
            float[] c, int cOffset, int cStride, float[] work, int workOffset) {
        for (int row = 0; row < rows; row += ROWS) {
            int first = Math.min(row, rows - ROWS);
            for (int k = 0; k < depth; k += LANES) {
                copyRows(a, aOffset + first * aStride + k, aStride, work, workOffset + k);
            }
            for (int pair = 0; pair < columns; pair += 2 * LANES) {
                int column = Math.min(pair, columns - 2 * LANES);
                tile(depth, work, workOffset, b, bOffset + column, bStride, c, cOffset + first * cStride + column, cStride);
            }
        }
    }

    private static void copyRows(float[] a, int aOffset, int aStride, float[] work, int to) {
        int from = aOffset;
        fromArray(FLOATS, a, from).intoArray(work, to);
        from += aStride;
        fromArray(FLOATS, a, from).intoArray(work, to + STRIDE);
        from += aStride;
        fromArray(FLOATS, a, from).intoArray(work, to + 2 * STRIDE);
        from += aStride;
        fromArray(FLOATS, a, from).intoArray(work, to + 3 * STRIDE);
        from += aStride;
        fromArray(FLOATS, a, from).intoArray(work, to + 4 * STRIDE);
        from += aStride;
        fromArray(FLOATS, a, from).intoArray(work, to + 5 * STRIDE);
    }

    private static void tile(
            int depth, float[] a, int aOffset, float[] b, int bOffset, int bStride, float[] c, int cOffset, int cStride) {
        int ka = aOffset;
        int kb = bOffset;
        FloatVector c00 = broadcast(FLOATS, 0);
        FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
        FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
        int two = depth / 2 * 2;
        int step = 2 * one;
        for (int k = 0; k < two; k += 2) {
            FloatVector b0 = fromArray(FLOATS, b, kb);
            FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
            FloatVector x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
            x = broadcast(FLOATS, a[ka + STRIDE]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 2 * STRIDE]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 3 * STRIDE]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 4 * STRIDE]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 5 * STRIDE]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
            kb += bStride;
            b0 = fromArray(FLOATS, b, kb);
            b1 = fromArray(FLOATS, b, kb + LANES);
            x = broadcast(FLOATS, a[ka + 1]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
            x = broadcast(FLOATS, a[ka + STRIDE + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 2 * STRIDE + 1]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 3 * STRIDE + 1]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 4 * STRIDE + 1]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 5 * STRIDE + 1]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
            kb += bStride;
            ka += step;
        }
        if (two < depth) {
            FloatVector b0 = fromArray(FLOATS, b, kb);
            FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
            FloatVector x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
            x = broadcast(FLOATS, a[ka + STRIDE]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 2 * STRIDE]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 3 * STRIDE]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 4 * STRIDE]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
            x = broadcast(FLOATS, a[ka + 5 * STRIDE]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
        }
        int to = cOffset;
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

    /** Two vectors of columns of C = A B, with A[i, k] at a[aOffset + k aStride + i] and B as above. */
    static void byColumns(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int bStride, float[] c,
            int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            int first = Math.min(row, rows - ROWS);
            int ka = aOffset + first;
            int kb = bOffset;
            FloatVector c00 = broadcast(FLOATS, 0);
            FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
            FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00, c50 = c00, c51 = c00;
            for (int k = 0; k < depth; k++) {
                FloatVector b0 = fromArray(FLOATS, b, kb);
                FloatVector b1 = fromArray(FLOATS, b, kb + LANES);
                FloatVector x = broadcast(FLOATS, a[ka]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                x = broadcast(FLOATS, a[ka + 5]); c50 = x.fma(b0, c50); c51 = x.fma(b1, c51); loadLoadFence();
                ka += aStride;
                kb += bStride;
            }
            int to = cOffset + first * cStride;
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
