// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Products of small integers, which float32 holds exactly, against naive loops. */
class NarrowLinearTest {
    private final Random random = new Random(1);

    @Test
    void isExact() {
        for (int depth = 8; depth <= 32; depth += 8) {
            for (int columns = Simd.LANES; columns <= 5 * Simd.LANES; columns += Simd.LANES) {
                for (int rows : new int[] {0, 1, 5, 16}) {
                    check(depth, columns, rows);
                }
            }
        }
    }

    private void check(int depth, int columns, int rows) {
        float[] a = integers(2 + rows * depth);
        float[] weight = integers(columns * depth);
        float[] init = integers(columns);
        float[] panels = new float[1 + (int) Packing.panelSize(depth, columns)];
        Packing.packTransposed(weight, 0, depth, depth, columns, panels, 1);
        float[] expected = new float[rows * columns + 2];
        for (int i = 0; i < rows * columns; i++) {
            float sum = init[i % columns];
            for (int k = 0; k < depth; k++) {
                sum += a[2 + i / columns * depth + k] * weight[i % columns * depth + k];
            }
            expected[1 + i] = sum;
        }
        float[] c = new float[expected.length];
        Arrays.fill(c, 1, rows * columns + 1, Float.NaN);
        NarrowLinear.multiply(depth, a, 2, rows, panels, 1, columns, init, c, 1);
        assertThat(c).as("%d x %d x %d", rows, depth, columns).isEqualTo(expected);
    }

    private float[] integers(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextInt(-8, 9);
        }
        return values;
    }
}
