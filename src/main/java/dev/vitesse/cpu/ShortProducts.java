// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.ShortOperands.PANEL;
import static dev.vitesse.cpu.ShortOperands.STRIDE;
import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static java.lang.invoke.VarHandle.loadLoadFence;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * The products of heads of few tokens, of matrices as in {@link ShortOperands}.
 *
 * <p>Tiles of C, 5 rows by 2 vectors, stay in registers: 10 sums that do not wait for each other, as many as a processor
 * with two multiply-add units of four or five cycles can use. Six rows would take as many instructions for a
 * multiply-add, but compute more twice: the last tile begins earlier where rows are no whole tiles. {@code loadLoadFence}
 * follows each row as in {@link Tile6x2}, lest C2 load many elements first and run out of registers.
 */
final class ShortProducts {
    /** Rows of a tile, and of C at least. */
    static final int ROWS = 5;
    /** Not final, lest C2 know the value. */
    private static int one = 1;

    private ShortProducts() {}

    /**
     * Scores C = A B, with A in panels from s[a] on, B[k, :] at s[b + k STRIDE], and C[i, :] at s[c + i STRIDE].
     *
     * @param depth a multiple of PANEL
     * @param columns a multiple of LANES; as many and LANES more are read, and may be written
     * @param work LANES elements from s[work] on
     * @return the largest absolute value of all that was computed; NaN if any is NaN
     */
    static float scores(int depth, float[] s, int a, int rows, int b, int columns, int c, int work) {
        broadcast(FLOATS, 0).intoArray(s, work);
        for (int column = 0; column < columns; column += 2 * LANES) {
            if (column == columns - LANES && rows >= 2 * ROWS) {
                scoreVector(depth, s, a, rows, b + column, c + column, work);
            } else {
                scorePair(depth, s, a, rows, b + column, c + column, work);
            }
        }
        float most = 0;
        for (int i = work; i < work + LANES; i++) {
            most = Math.max(most, s[i]);
        }
        return most;
    }

    /**
     * Two vectors of columns. As in {@link Tile6x2}, four k are written out and the indices grow by a value that is not a
     * constant to C2: to check the bounds of each access once before so short a sum would take as long as the sum.
     */
    private static void scorePair(int depth, float[] s, int a, int rows, int b, int c, int work) {
        int stepA = 4 * one;
        int stepB = 4 * STRIDE * one;
        // As integers, the bits of absolute values compare as the values do, and those of NaN are beyond.
        IntVector most = fromArray(FLOATS, s, work).reinterpretAsInts();
        for (int row = 0; row < rows; row += ROWS) {
            int first = Math.min(row, rows - ROWS);
            int kb = b;
            FloatVector c00 = broadcast(FLOATS, 0);
            FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
            FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00;
            for (int panel = 0; panel < depth; panel += PANEL) {
                int ka = a + panel * rows + first * PANEL;
                for (int k = 0; k < PANEL; k += 4) {
                    FloatVector b0, b1, x;
                    b0 = fromArray(FLOATS, s, kb);
                    b1 = fromArray(FLOATS, s, kb + LANES);
                    x = broadcast(FLOATS, s[ka]);
                    c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + PANEL]);
                    c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 2 * PANEL]);
                    c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 3 * PANEL]);
                    c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 4 * PANEL]);
                    c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                    b0 = fromArray(FLOATS, s, kb + STRIDE);
                    b1 = fromArray(FLOATS, s, kb + STRIDE + LANES);
                    x = broadcast(FLOATS, s[ka + 1]);
                    c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + PANEL + 1]);
                    c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 2 * PANEL + 1]);
                    c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 3 * PANEL + 1]);
                    c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 4 * PANEL + 1]);
                    c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                    b0 = fromArray(FLOATS, s, kb + 2 * STRIDE);
                    b1 = fromArray(FLOATS, s, kb + 2 * STRIDE + LANES);
                    x = broadcast(FLOATS, s[ka + 2]);
                    c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + PANEL + 2]);
                    c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 2 * PANEL + 2]);
                    c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 3 * PANEL + 2]);
                    c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 4 * PANEL + 2]);
                    c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                    b0 = fromArray(FLOATS, s, kb + 3 * STRIDE);
                    b1 = fromArray(FLOATS, s, kb + 3 * STRIDE + LANES);
                    x = broadcast(FLOATS, s[ka + 3]);
                    c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + PANEL + 3]);
                    c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 2 * PANEL + 3]);
                    c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 3 * PANEL + 3]);
                    c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                    x = broadcast(FLOATS, s[ka + 4 * PANEL + 3]);
                    c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
                    ka += stepA;
                    kb += stepB;
                }
            }
            int to = c + first * STRIDE;
            c00.intoArray(s, to);
            c01.intoArray(s, to + LANES);
            c10.intoArray(s, to + STRIDE);
            c11.intoArray(s, to + STRIDE + LANES);
            c20.intoArray(s, to + 2 * STRIDE);
            c21.intoArray(s, to + 2 * STRIDE + LANES);
            c30.intoArray(s, to + 3 * STRIDE);
            c31.intoArray(s, to + 3 * STRIDE + LANES);
            c40.intoArray(s, to + 4 * STRIDE);
            c41.intoArray(s, to + 4 * STRIDE + LANES);
            most = c00.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c01.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c10.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c11.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c20.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c21.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c30.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c31.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c40.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c41.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
        }
        most.reinterpretAsFloats().intoArray(s, work);
    }

    /** One vector of columns, and 10 rows. */
    private static void scoreVector(int depth, float[] s, int a, int rows, int b, int c, int work) {
        int stepA = 2 * one;
        int stepB = 2 * STRIDE * one;
        IntVector most = fromArray(FLOATS, s, work).reinterpretAsInts();
        for (int row = 0; row < rows; row += 2 * ROWS) {
            int first = Math.min(row, rows - 2 * ROWS);
            int kb = b;
            FloatVector c0 = broadcast(FLOATS, 0);
            FloatVector c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0, c8 = c0, c9 = c0;
            for (int panel = 0; panel < depth; panel += PANEL) {
                int ka = a + panel * rows + first * PANEL;
                for (int k = 0; k < PANEL; k += 2) {
                    FloatVector b0;
                    b0 = fromArray(FLOATS, s, kb);
                    c0 = broadcast(FLOATS, s[ka]).fma(b0, c0);
                    c1 = broadcast(FLOATS, s[ka + PANEL]).fma(b0, c1);
                    c2 = broadcast(FLOATS, s[ka + 2 * PANEL]).fma(b0, c2); loadLoadFence();
                    c3 = broadcast(FLOATS, s[ka + 3 * PANEL]).fma(b0, c3);
                    c4 = broadcast(FLOATS, s[ka + 4 * PANEL]).fma(b0, c4);
                    c5 = broadcast(FLOATS, s[ka + 5 * PANEL]).fma(b0, c5); loadLoadFence();
                    c6 = broadcast(FLOATS, s[ka + 6 * PANEL]).fma(b0, c6);
                    c7 = broadcast(FLOATS, s[ka + 7 * PANEL]).fma(b0, c7);
                    c8 = broadcast(FLOATS, s[ka + 8 * PANEL]).fma(b0, c8); loadLoadFence();
                    c9 = broadcast(FLOATS, s[ka + 9 * PANEL]).fma(b0, c9); loadLoadFence();
                    b0 = fromArray(FLOATS, s, kb + STRIDE);
                    c0 = broadcast(FLOATS, s[ka + 1]).fma(b0, c0);
                    c1 = broadcast(FLOATS, s[ka + PANEL + 1]).fma(b0, c1);
                    c2 = broadcast(FLOATS, s[ka + 2 * PANEL + 1]).fma(b0, c2); loadLoadFence();
                    c3 = broadcast(FLOATS, s[ka + 3 * PANEL + 1]).fma(b0, c3);
                    c4 = broadcast(FLOATS, s[ka + 4 * PANEL + 1]).fma(b0, c4);
                    c5 = broadcast(FLOATS, s[ka + 5 * PANEL + 1]).fma(b0, c5); loadLoadFence();
                    c6 = broadcast(FLOATS, s[ka + 6 * PANEL + 1]).fma(b0, c6);
                    c7 = broadcast(FLOATS, s[ka + 7 * PANEL + 1]).fma(b0, c7);
                    c8 = broadcast(FLOATS, s[ka + 8 * PANEL + 1]).fma(b0, c8); loadLoadFence();
                    c9 = broadcast(FLOATS, s[ka + 9 * PANEL + 1]).fma(b0, c9); loadLoadFence();
                    ka += stepA;
                    kb += stepB;
                }
            }
            int to = c + first * STRIDE;
            c0.intoArray(s, to);
            c1.intoArray(s, to + STRIDE);
            c2.intoArray(s, to + 2 * STRIDE);
            c3.intoArray(s, to + 3 * STRIDE);
            c4.intoArray(s, to + 4 * STRIDE);
            c5.intoArray(s, to + 5 * STRIDE);
            c6.intoArray(s, to + 6 * STRIDE);
            c7.intoArray(s, to + 7 * STRIDE);
            c8.intoArray(s, to + 8 * STRIDE);
            c9.intoArray(s, to + 9 * STRIDE);
            most = c0.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c1.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c2.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c3.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c4.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c5.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c6.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c7.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c8.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
            most = c9.reinterpretAsInts().and(Integer.MAX_VALUE).max(most);
        }
        most.reinterpretAsFloats().intoArray(s, work);
    }

    /**
     * Two vectors of columns of C = A^T B, with A[k, i] at s[a + k STRIDE + i] and B[k, :] at s[b + k PANEL].
     *
     * @param factors a factor for each row of C from s[factors] on
     */
    static void byColumns(
            int depth, float[] s, int a, int rows, int b, int factors, float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            int first = Math.min(row, rows - ROWS);
            int ka = a + first - STRIDE / PANEL * b;
            FloatVector c00 = broadcast(FLOATS, 0);
            FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
            FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00;
            for (int kb = b; kb < b + depth * PANEL; kb += PANEL) {
                int i = ka + STRIDE / PANEL * kb;
                FloatVector b0 = fromArray(FLOATS, s, kb);
                FloatVector b1 = fromArray(FLOATS, s, kb + LANES);
                FloatVector x = broadcast(FLOATS, s[i]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, s[i + 1]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, s[i + 2]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, s[i + 3]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, s[i + 4]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
            }
            int to = cOffset + first * cStride;
            int factor = factors + first;
            FloatVector x0 = broadcast(FLOATS, s[factor]);
            c00.mul(x0).intoArray(c, to);
            c01.mul(x0).intoArray(c, to + LANES);
            to += cStride;
            FloatVector x1 = broadcast(FLOATS, s[factor + 1]);
            c10.mul(x1).intoArray(c, to);
            c11.mul(x1).intoArray(c, to + LANES);
            to += cStride;
            FloatVector x2 = broadcast(FLOATS, s[factor + 2]);
            c20.mul(x2).intoArray(c, to);
            c21.mul(x2).intoArray(c, to + LANES);
            to += cStride;
            FloatVector x3 = broadcast(FLOATS, s[factor + 3]);
            c30.mul(x3).intoArray(c, to);
            c31.mul(x3).intoArray(c, to + LANES);
            to += cStride;
            FloatVector x4 = broadcast(FLOATS, s[factor + 4]);
            c40.mul(x4).intoArray(c, to);
            c41.mul(x4).intoArray(c, to + LANES);
        }
    }

    /** Two vectors of columns of C = A B, with A[i, k] at s[a + i STRIDE + k] and B as above. */
    static void byRows(int depth, float[] s, int a, int rows, int b, float[] c, int cOffset, int cStride) {
        for (int row = 0; row < rows; row += ROWS) {
            int first = Math.min(row, rows - ROWS);
            int ka = a + first * STRIDE;
            FloatVector c00 = broadcast(FLOATS, 0);
            FloatVector c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00;
            FloatVector c30 = c00, c31 = c00, c40 = c00, c41 = c00;
            for (int k = 0; k < depth; k++) {
                int i = ka + k;
                FloatVector b0 = fromArray(FLOATS, s, b + k * PANEL);
                FloatVector b1 = fromArray(FLOATS, s, b + k * PANEL + LANES);
                FloatVector x = broadcast(FLOATS, s[i]); c00 = x.fma(b0, c00); c01 = x.fma(b1, c01); loadLoadFence();
                x = broadcast(FLOATS, s[i + STRIDE]); c10 = x.fma(b0, c10); c11 = x.fma(b1, c11); loadLoadFence();
                x = broadcast(FLOATS, s[i + 2 * STRIDE]); c20 = x.fma(b0, c20); c21 = x.fma(b1, c21); loadLoadFence();
                x = broadcast(FLOATS, s[i + 3 * STRIDE]); c30 = x.fma(b0, c30); c31 = x.fma(b1, c31); loadLoadFence();
                x = broadcast(FLOATS, s[i + 4 * STRIDE]); c40 = x.fma(b0, c40); c41 = x.fma(b1, c41); loadLoadFence();
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
        }
    }
}
