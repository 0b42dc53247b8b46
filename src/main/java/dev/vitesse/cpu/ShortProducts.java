// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static java.lang.invoke.VarHandle.loadLoadFence;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * What heads of few tokens are multiplied with. All operands lie in working memory, as matrices of two kinds: with a row
 * for each token in panels [tokens][{@link #PANEL}], or with tokens along the lanes and {@link #STRIDE} between rows.
 * Distances that C2 knows let it reach all rows of a tile by one index, of which it checks the bounds but once.
 *
 * <p>Tiles of C, 5 rows by 2 vectors, stay in registers: 10 sums that do not wait for each other, as many as a processor
 * with two multiply-add units of four or five cycles can use. Six rows would take as many instructions for a
 * multiply-add, but compute more twice: the last tile begins earlier where rows are no whole tiles. {@code loadLoadFence}
 * follows each row as in {@link Tile6x2}, lest C2 load many elements first and run out of registers.
 */
final class ShortProducts {
    /** Rows of a tile, and of C at least. */
    static final int ROWS = 5;
    /** Tokens at most. */
    static final int MOST_TOKENS = 128;
    /** Elements of a head in a row: a tile's, and a multiple of four. */
    static final int PANEL = Math.max(16, 2 * LANES);
    /**
     * Room for two vectors more, which may be written; a multiple of PANEL, but no power of two, lest rows fall upon the
     * same lines of the cache.
     */
    static final int STRIDE = MOST_TOKENS + PANEL;
    /** Not final, lest C2 know the value. */
    private static int one = 1;

    private static final VectorShuffle<Float> SWAP_ONE = VectorShuffle.fromOp(FLOATS, i -> i ^ 1);
    private static final VectorShuffle<Float> SWAP_TWO = VectorShuffle.fromOp(FLOATS, i -> i ^ 2);
    private static final VectorShuffle<Float> FROM_FOUR = VectorShuffle.fromOp(FLOATS, i -> (i + 4) % LANES);
    private static final VectorShuffle<Float> FROM_EIGHT = VectorShuffle.fromOp(FLOATS, i -> (i + 8) % LANES);
    private static final VectorShuffle<Float> FROM_TWELVE = VectorShuffle.fromOp(FLOATS, i -> (i + 12) % LANES);
    private static final VectorMask<Float> ODD = VectorMask.fromLong(FLOATS, 0xaaaa);
    private static final VectorMask<Float> UPPER = VectorMask.fromLong(FLOATS, 0xcccc);

    private ShortProducts() {}

    /** Copies the elements of a head, a multiple of PANEL, times {@code factor} to panels. */
    static void copy(float[] x, int start, int stride, int tokens, int headWidth, float factor, float[] s, int to) {
        for (int d = 0; d < headWidth; d += 2 * LANES) {
            copyPair(x, start + d, stride, tokens, factor, s, pair(to, tokens, d));
        }
    }

    private static void copyPair(float[] x, int start, int stride, int tokens, float factor, float[] s, int to) {
        FloatVector f = broadcast(FLOATS, factor);
        int from = start;
        for (int i = 0; i < tokens; i++) {
            fromArray(FLOATS, x, from).mul(f).intoArray(s, to + i * PANEL);
            fromArray(FLOATS, x, from + LANES).mul(f).intoArray(s, to + i * PANEL + LANES);
            from += stride;
        }
    }

    /** Where the first row's elements from {@code d} on lie in panels. */
    static int pair(int panels, int tokens, int d) {
        return panels + d / PANEL * PANEL * tokens + d % PANEL;
    }

    private static void copyPair(float[] x, int start, int stride, int tokens, float[] s, int to) {
        int from = start;
        for (int i = 0; i < tokens; i++) {
            fromArray(FLOATS, x, from).intoArray(s, to + i * PANEL);
            fromArray(FLOATS, x, from + LANES).intoArray(s, to + i * PANEL + LANES);
            from += stride;
        }
    }

    /**
     * The elements of a head times {@code factor}, with tokens along the lanes: s[to + d STRIDE + i] = factor x[start + i
     * stride + d]. A vector of zeros follows each row.
     */
    static void transpose(float[] x, int start, int stride, int tokens, int headWidth, float factor, float[] s, int to) {
        for (int d = 0; d < headWidth; d += LANES) {
            transposeVector(x, start + d, stride, tokens, factor, s, to + d * STRIDE);
        }
        FloatVector zero = broadcast(FLOATS, 0);
        for (int d = 0; d < headWidth; d++) {
            zero.intoArray(s, to + d * STRIDE + tokens);
        }
    }

    /**
     * LANES elements of all tokens, four tokens at a time: their vectors become vectors of which each four lanes hold an
     * element of the four tokens, in two steps of exchanging lanes between vectors. Each is written as often as it has
     * fours; what it writes too much, the next tokens overwrite.
     */
    private static void transposeVector(
            float[] x, int start, int stride, int tokens, float factor, float[] s, int to) {
        FloatVector f = broadcast(FLOATS, factor);
        for (int i = 0; i < tokens; i += 4) {
            int token = Math.min(i, tokens - 4);
            int from = start + token * stride;
            FloatVector a0 = fromArray(FLOATS, x, from).mul(f);
            from += stride;
            FloatVector a1 = fromArray(FLOATS, x, from).mul(f);
            from += stride;
            FloatVector a2 = fromArray(FLOATS, x, from).mul(f);
            from += stride;
            FloatVector a3 = fromArray(FLOATS, x, from).mul(f);
            FloatVector b0 = a0.blend(a1.rearrange(SWAP_ONE), ODD);
            FloatVector b1 = a0.rearrange(SWAP_ONE).blend(a1, ODD);
            FloatVector b2 = a2.blend(a3.rearrange(SWAP_ONE), ODD);
            FloatVector b3 = a2.rearrange(SWAP_ONE).blend(a3, ODD);
            a0 = b0.blend(b2.rearrange(SWAP_TWO), UPPER);
            a1 = b1.blend(b3.rearrange(SWAP_TWO), UPPER);
            a2 = b0.rearrange(SWAP_TWO).blend(b2, UPPER);
            a3 = b1.rearrange(SWAP_TWO).blend(b3, UPPER);
            int at = to + token;
            a0.intoArray(s, at);
            a1.intoArray(s, at + STRIDE);
            a2.intoArray(s, at + 2 * STRIDE);
            a3.intoArray(s, at + 3 * STRIDE);
            if (LANES >= 8) {
                a0.rearrange(FROM_FOUR).intoArray(s, at + 4 * STRIDE);
                a1.rearrange(FROM_FOUR).intoArray(s, at + 5 * STRIDE);
                a2.rearrange(FROM_FOUR).intoArray(s, at + 6 * STRIDE);
                a3.rearrange(FROM_FOUR).intoArray(s, at + 7 * STRIDE);
            }
            if (LANES == 16) {
                a0.rearrange(FROM_EIGHT).intoArray(s, at + 8 * STRIDE);
                a1.rearrange(FROM_EIGHT).intoArray(s, at + 9 * STRIDE);
                a2.rearrange(FROM_EIGHT).intoArray(s, at + 10 * STRIDE);
                a3.rearrange(FROM_EIGHT).intoArray(s, at + 11 * STRIDE);
                a0.rearrange(FROM_TWELVE).intoArray(s, at + 12 * STRIDE);
                a1.rearrange(FROM_TWELVE).intoArray(s, at + 13 * STRIDE);
                a2.rearrange(FROM_TWELVE).intoArray(s, at + 14 * STRIDE);
                a3.rearrange(FROM_TWELVE).intoArray(s, at + 15 * STRIDE);
            }
        }
    }

    /**
     * Scores C = A B, with A in panels from s[a] on, B[k, :] at s[b + k STRIDE], and C[i, :] at s[c + i STRIDE].
     *
     * @param depth a multiple of PANEL
     * @param columns written in pairs of vectors
     */
    static void scores(int depth, float[] s, int a, int rows, int b, int columns, int c) {
        for (int column = 0; column < columns; column += 2 * LANES) {
            scorePair(depth, s, a, rows, b + column, c + column);
        }
    }

    /**
     * Two vectors of columns. As in {@link Tile6x2}, four k are written out and the indices grow by a value that is not a
     * constant to C2: to check the bounds of each access once before so short a sum would take as long as the sum.
     */
    private static void scorePair(int depth, float[] s, int a, int rows, int b, int c) {
        int stepA = 4 * one;
        int stepB = 4 * STRIDE * one;
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
        }
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

    /**
     * Whether no product of a column of A and a row of B, as for {@link #scores}, is beyond {@code most}, because those of
     * their lengths are not; false if a length is NaN.
     *
     * @param columns of A with zeros where there are no tokens, a multiple of LANES
     * @param work headWidth + PANEL elements from s[work] on
     */
    static boolean within(float most, float[] s, int a, int columns, int b, int tokens, int headWidth, int work) {
        columnLengths(s, a, columns, headWidth, work);
        float column = 0;
        for (int i = work; i < work + LANES; i++) {
            column = Math.max(column, s[i]);
        }
        int end = work + LANES;
        for (int d = 0; d < headWidth; d += 2 * LANES) {
            rowLengths(s, pair(b, tokens, d), tokens, end);
            end += LANES;
        }
        float row = 0;
        for (int i = work + LANES; i < end; i++) {
            row += s[i];
        }
        return column * row <= most * most;
    }

    /** The largest sums of squares of columns, in each lane. As integers, floats that are not negative compare alike. */
    private static void columnLengths(float[] s, int a, int columns, int depth, int to) {
        IntVector most = IntVector.zero(Simd.INTS);
        for (int column = a; column < a + columns; column += LANES) {
            FloatVector sum = broadcast(FLOATS, 0);
            for (int d = 0; d < depth; d++) {
                FloatVector x = fromArray(FLOATS, s, column + d * STRIDE);
                sum = x.fma(x, sum);
            }
            most = sum.reinterpretAsInts().max(most);
        }
        most.reinterpretAsFloats().intoArray(s, to);
    }

    /** The largest sums of squares of rows of two vectors, in each lane. */
    private static void rowLengths(float[] s, int b, int rows, int to) {
        IntVector most = IntVector.zero(Simd.INTS);
        for (int i = b; i < b + rows * PANEL; i += PANEL) {
            FloatVector x = fromArray(FLOATS, s, i);
            FloatVector y = fromArray(FLOATS, s, i + LANES);
            most = x.fma(x, y.mul(y)).reinterpretAsInts().max(most);
        }
        most.reinterpretAsFloats().intoArray(s, to);
    }
}
