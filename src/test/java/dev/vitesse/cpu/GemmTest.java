// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Products of small integers, which float32 holds exactly, against naive loops, at sizes around tiles and blocks. */
class GemmTest {
    private static final int[] SIDES = {1, 5, 6, 7, 8, 9, 16, 17, 24, 31, 33, 48, 65};
    private final Random random = new Random(1);

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 64, 385, 1000, 1501})
    void rowsTimesPanels(int depth) {
        for (int rows : SIDES) {
            for (int columns : SIDES) {
                float[] a = integers(rows * depth);
                float[] b = integers(columns * depth);
                float[] init = Arrays.copyOf(integers(columns), Gemm.padded(columns));
                float[] base = integers(rows * columns);
                float[] panels = new float[(int) Packing.panelSize(depth, columns)];
                Packing.packTransposed(b, 0, depth, depth, columns, panels, 0);
                float[] expected = new float[rows * columns];
                for (int i = 0; i < expected.length; i++) {
                    int row = i / columns;
                    int column = i % columns;
                    expected[i] = init[column] + base[i];
                    for (int k = 0; k < depth; k++) {
                        expected[i] += a[row * depth + k] * b[column * depth + k];
                    }
                }
                // The base is C itself, as in a residual that is updated in place.
                float[] c = guarded(base);
                Gemm.multiply(depth, a, 0, depth, rows, panels, 0, columns, 0, Gemm.panels(columns), init, c, 3,
                        columns, c, 3, columns, new float[Gemm.workSize(rows, depth)], 0);
                assertThat(c).as("%d x %d x %d", rows, depth, columns).isEqualTo(guarded(expected));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 12, 15, 17, 192})
    void columnsTimesPanels(int depth) {
        for (int rows : SIDES) {
            for (int columns : SIDES) {
                float[] a = integers(rows * depth);
                float[] b = integers(columns * depth);
                float[] base = integers(rows * columns);
                float[] scratch = new float[(int) CpuWeightGradient.scratchSize(rows, columns)];
                Arrays.fill(scratch, Float.NaN);
                float[] expected = base.clone();
                for (int i = 0; i < expected.length; i++) {
                    for (int k = 0; k < depth; k++) {
                        expected[i] += a[k * rows + i / columns] * b[k * columns + i % columns];
                    }
                }
                float[] c = guarded(base);
                CpuWeightGradient.addBlock(scratch, depth, a, 0, rows, rows, b, 0, columns, columns, c, 3, columns, true);
                assertThat(c).as("%d x %d x %d", rows, depth, columns).isEqualTo(guarded(expected));
                for (int i = 0; i < base.length; i++) {
                    expected[i] -= base[i];
                }
                CpuWeightGradient.addBlock(scratch, depth, a, 0, rows, rows, b, 0, columns, columns, c, 3, columns, false);
                assertThat(c).as("%d x %d x %d, new", rows, depth, columns).isEqualTo(guarded(expected));
            }
        }
    }

    /** Every tile, also those that this processor would not choose. */
    @Test
    void tiles() {
        int depth = 19;
        int width = 4 * Simd.LANES;
        float[] a = integers(6 * depth);
        float[] columns = new float[6 * depth];
        float[] packed = new float[6 * Packing.fours(depth)];
        Packing.packRows(a, 0, depth, 6, depth, packed, 0);
        float[] b = integers(depth * Gemm.PANEL + width);
        float[] init = integers(width);
        float[] expected = new float[6 * width];
        for (int i = 0; i < expected.length; i++) {
            for (int k = 0; k < depth; k++) {
                columns[6 * k + i / width] = a[i / width * depth + k];
                expected[i] += a[i / width * depth + k] * b[k * Gemm.PANEL + i % width];
            }
        }
        float[] c = new float[6 * width];
        Tile6x1.byColumns(depth, columns, 0, b, 0, c, 0, width);
        assertTile(c, expected, 1, new float[width]);
        Tile6x2.byColumns(depth, columns, 0, 6, b, 0, new float[width], 0, 0, c, 0, width);
        assertTile(c, expected, 2, new float[width]);
        Tile6x4.byColumns(depth, columns, 0, b, 0, c, 0, width);
        assertTile(c, expected, 4, new float[width]);
        Tile6x1.byRows(depth, a, 0, depth, 6, b, 0, init, 0, 0, c, 0, width);
        assertTile(c, expected, 1, init);
        Tile6x2.byRows(depth, packed, 0, 6, b, 0, init, 0, 0, c, 0, width);
        assertTile(c, expected, 2, init);
        Tile6x4.byRows(depth, a, 0, depth, 6, b, 0, init, 0, 0, c, 0, width);
        assertTile(c, expected, 4, init);
    }

    /** Products of the matrices of heads of few tokens; rows that are no whole tiles are computed twice. */
    @Test
    void shortProducts() {
        int panel = ShortOperands.PANEL;
        int stride = ShortOperands.STRIDE;
        for (int tokens : new int[] {5, 6, 17, 50, ShortOperands.MOST_TOKENS}) {
            for (int width = panel; width <= 32; width += panel) {
                float[] a = integers(tokens * width);
                float[] b = integers(tokens * width);
                int transposed = 3 + tokens * width;
                int scores = transposed + width * stride;
                int factors = scores + tokens * stride;
                float[] s = integers(factors + Simd.whole(tokens));
                ShortOperands.copy(a, 0, width, tokens, width, 1, s, 3);
                ShortOperands.transpose(b, 0, width, tokens, width, 2, s, transposed);
                int columns = Simd.whole(tokens);
                float most = ShortProducts.scores(width, s, 3, tokens, transposed, columns, scores, factors);
                float largest = 0;
                for (int i = 0; i < tokens; i++) {
                    for (int j = 0; j < tokens; j++) {
                        float sum = 0;
                        for (int d = 0; d < width; d++) {
                            sum += 2 * a[i * width + d] * b[j * width + d];
                        }
                        assertThat(s[scores + i * stride + j]).as("%d, %d of %d", i, j, tokens).isEqualTo(sum);
                        largest = Math.max(largest, Math.abs(sum));
                        s[scores + i * stride + j] = random.nextInt(-8, 9);
                    }
                }
                assertThat(most).isEqualTo(largest);
                Arrays.fill(s, factors, factors + tokens, 3);
                assertThat(products(s, scores, tokens, width, factors))
                        .isEqualTo(expected(s, scores, tokens, a, 1, stride, factors));
                assertThat(products(s, scores, tokens, width, -1))
                        .isEqualTo(expected(s, scores, tokens, a, stride, 1, -1));
            }
        }
    }

    /** The largest score is seen wherever it is, and so is NaN. */
    @Test
    void largestScore() {
        int width = ShortOperands.PANEL;
        int tokens = 3 * Simd.LANES - 1;
        int transposed = tokens * width;
        int scores = transposed + width * ShortOperands.STRIDE;
        float[] a = integers(tokens * width);
        float[] s = new float[scores + tokens * ShortOperands.STRIDE + Simd.LANES];
        for (float value : new float[] {1000, -1000, Float.NaN, Float.NEGATIVE_INFINITY}) {
            for (int token = 0; token < tokens; token++) {
                float[] one = a.clone();
                Arrays.fill(one, token * width, (token + 1) * width, 0);
                one[token * width + 1] = value;
                Arrays.fill(a, 1, 2, 1);
                ShortOperands.copy(a, 0, width, tokens, width, 1, s, 0);
                ShortOperands.transpose(one, 0, width, tokens, width, 1, s, transposed);
                float most = ShortProducts.scores(width, s, 0, tokens, transposed, Simd.whole(tokens), scores,
                        s.length - Simd.LANES);
                assertThat(most >= Math.abs(value) || Float.isNaN(most)).as("%s at %d", value, token).isTrue();
            }
        }
    }

    /** The products of the scores, or with factors of their transpose, with the panels at s[3]. */
    private static float[] products(float[] s, int scores, int tokens, int width, int factors) {
        float[] c = guarded(new float[tokens * width]);
        for (int d = 0; d < width; d += 2 * Simd.LANES) {
            int b = ShortOperands.pair(3, tokens, d);
            if (factors < 0) {
                ShortProducts.byRows(tokens, s, scores, tokens, b, c, 3 + d, width);
            } else {
                ShortProducts.byColumns(tokens, s, scores, tokens, b, factors, c, 3 + d, width);
            }
        }
        return c;
    }

    /** The same in scalars: s[scores + i row + k column] b[k, :] summed over k. */
    private static float[] expected(float[] s, int scores, int tokens, float[] b, int row, int column, int factors) {
        int width = b.length / tokens;
        float[] c = new float[b.length];
        for (int i = 0; i < tokens; i++) {
            for (int k = 0; k < tokens; k++) {
                for (int d = 0; d < width; d++) {
                    c[i * width + d] += s[scores + i * row + k * column] * b[k * width + d];
                }
            }
            for (int d = 0; d < width; d++) {
                c[i * width + d] *= factors < 0 ? 1 : s[factors + i];
            }
        }
        return guarded(c);
    }

    private static void assertTile(float[] c, float[] expected, int vectors, float[] init) {
        int width = 4 * Simd.LANES;
        for (int i = 0; i < c.length; i++) {
            if (i % width < vectors * Simd.LANES) {
                assertThat(c[i]).isEqualTo(expected[i] + init[i % width]);
            }
        }
    }

    private float[] integers(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextInt(-8, 9);
        }
        return values;
    }

    /** A copy between three sentinels on either side. */
    private static float[] guarded(float[] values) {
        float[] guarded = new float[values.length + 6];
        Arrays.fill(guarded, 12345);
        System.arraycopy(values, 0, guarded, 3, values.length);
        return guarded;
    }
}
