// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;

/**
 * Four elements of each token, for heads that are narrower than a vector: between where tokens lie {@code stride} elements
 * apart, element by element x[start + i stride + d], and where they lie along the lanes of vectors.
 */
final class Fours {
    private Fours() {}

    /** Each element goes to all lanes of a vector: s[to + (4 i + d) LANES] and behind. */
    static void repeat(float[] x, int start, int stride, int count, float[] s, int to) {
        int from = start;
        for (int i = 0; i < count; i++) {
            broadcast(FLOATS, x[from]).intoArray(s, to + 4 * i * LANES);
            broadcast(FLOATS, x[from + 1]).intoArray(s, to + 4 * i * LANES + LANES);
            broadcast(FLOATS, x[from + 2]).intoArray(s, to + 4 * i * LANES + 2 * LANES);
            broadcast(FLOATS, x[from + 3]).intoArray(s, to + 4 * i * LANES + 3 * LANES);
            from += stride;
        }
    }

    /** Elements times {@code factor} go to four rows, s[to + d padded + i]. */
    static void toRows(float[] x, int start, int stride, int count, float factor, float[] s, int to, int padded) {
        int from = start;
        for (int j = to; j < to + count; j++) {
            s[j] = x[from] * factor;
            s[j + padded] = x[from + 1] * factor;
            s[j + 2 * padded] = x[from + 2] * factor;
            s[j + 3 * padded] = x[from + 3] * factor;
            from += stride;
        }
    }

    /** Four rows, s[from + d padded + i], times {@code factor} become elements of x. */
    static void fromRows(float[] s, int from, int padded, int count, float factor, float[] x, int start, int stride) {
        int to = start;
        for (int j = from; j < from + count; j++) {
            x[to] = s[j] * factor;
            x[to + 1] = s[j + padded] * factor;
            x[to + 2] = s[j + 2 * padded] * factor;
            x[to + 3] = s[j + 3 * padded] * factor;
            to += stride;
        }
    }

    /** s[from + 4 i + d] times {@code factor} become elements of x. */
    static void spread(float[] s, int from, int count, float factor, float[] x, int start, int stride) {
        int to = start;
        for (int j = from; j < from + 4 * count; j += 4) {
            x[to] = s[j] * factor;
            x[to + 1] = s[j + 1] * factor;
            x[to + 2] = s[j + 2] * factor;
            x[to + 3] = s[j + 3] * factor;
            to += stride;
        }
    }

    /** dots[i] -= the dot product of four elements of a and of b. */
    static void subtractProducts(
            float[] a, int aStart, float[] b, int bStart, int stride, int count, float[] s, int dots) {
        int i = aStart;
        int j = bStart;
        for (int to = dots; to < dots + count; to++) {
            s[to] -= (a[i] * b[j] + a[i + 1] * b[j + 1]) + (a[i + 2] * b[j + 2] + a[i + 3] * b[j + 3]);
            i += stride;
            j += stride;
        }
    }
}
