// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

/** Products of small integers, which float32 holds exactly, against naive loops. */
class NarrowWeightGradientTest {
    private final Random random = new Random(1);

    @Test
    void isExact() {
        for (int outputs = 8; outputs <= 24; outputs += 8) {
            for (int inputs = Simd.LANES; inputs <= 5 * Simd.LANES; inputs += Simd.LANES) {
                for (int rows : new int[] {0, 1, 5, 16}) {
                    check(outputs, inputs, rows);
                }
            }
        }
    }

    private void check(int outputs, int inputs, int rows) {
        float[] a = integers(2 + rows * outputs);
        float[] b = integers(1 + rows * inputs);
        float[] c = integers(3 + outputs * inputs + 2);
        float[] expected = c.clone();
        for (int row = 0; row < rows; row++) {
            for (int i = 0; i < outputs * inputs; i++) {
                expected[3 + i] += a[2 + row * outputs + i / inputs] * b[1 + row * inputs + i % inputs];
            }
        }
        NarrowWeightGradient.addProduct(a, 2, outputs, b, 1, inputs, rows, c, 3);
        assertThat(c).as("%d x %d x %d", outputs, rows, inputs).isEqualTo(expected);
    }

    private float[] integers(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextInt(-8, 9);
        }
        return values;
    }
}
