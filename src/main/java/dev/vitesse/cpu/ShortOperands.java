// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * What {@link ShortProducts} multiplies. All operands lie in working memory, as matrices of two kinds: with a row for each
 * token in panels [tokens][{@link #PANEL}], or with tokens along the lanes and {@link #STRIDE} between rows. Distances that
 * C2 knows let it reach all rows of a tile by one index, of which it checks the bounds but once.
 */
final class ShortOperands {
    /** Tokens at most. */
    static final int MOST_TOKENS = 128;
    /** Elements of a head in a row: a tile's, and a multiple of four. */
    static final int PANEL = Math.max(16, 2 * LANES);
    /**
     * Room for two vectors more, which may be written; a multiple of PANEL, but no power of two, lest rows fall upon the
     * same lines of the cache.
     */
    static final int STRIDE = MOST_TOKENS + PANEL;

    private static final VectorShuffle<Float> SWAP_ONE = VectorShuffle.fromOp(FLOATS, i -> i ^ 1);
    private static final VectorShuffle<Float> SWAP_TWO = VectorShuffle.fromOp(FLOATS, i -> i ^ 2);
    private static final VectorShuffle<Float> FROM_FOUR = VectorShuffle.fromOp(FLOATS, i -> (i + 4) % LANES);
    private static final VectorShuffle<Float> FROM_EIGHT = VectorShuffle.fromOp(FLOATS, i -> (i + 8) % LANES);
    private static final VectorShuffle<Float> FROM_TWELVE = VectorShuffle.fromOp(FLOATS, i -> (i + 12) % LANES);
    private static final VectorMask<Float> ODD = VectorMask.fromLong(FLOATS, 0xaaaa);
    private static final VectorMask<Float> UPPER = VectorMask.fromLong(FLOATS, 0xcccc);

    private ShortOperands() {}

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

    /**
     * The elements of a head times {@code factor}, with tokens along the lanes: s[to + d STRIDE + i] = factor x[start + i
     * stride + d]. Two vectors of zeros follow each row.
     */
    static void transpose(float[] x, int start, int stride, int tokens, int headWidth, float factor, float[] s, int to) {
        for (int d = 0; d < headWidth; d += LANES) {
            transposeVector(x, start + d, stride, tokens, factor, s, to + d * STRIDE);
        }
        FloatVector zero = broadcast(FLOATS, 0);
        for (int d = 0; d < headWidth; d++) {
            zero.intoArray(s, to + d * STRIDE + tokens);
            zero.intoArray(s, to + d * STRIDE + tokens + LANES);
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
}
