// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LaneSumsTest {
    @Test
    void everyVectorsSumIsWhereItsIndexSays() {
        int start = 3;
        for (int count = Simd.LANES; count <= 4 * Simd.LANES; count += Simd.LANES) {
            float[] s = new float[start + count * Simd.LANES + 2];
            for (int i = 0; i < s.length; i++) {
                s[i] = i * i % 97;
            }
            float[] expected = new float[count];
            for (int v = 0; v < count; v++) {
                for (int lane = 0; lane < Simd.LANES; lane++) {
                    expected[v] += s[start + v * Simd.LANES + lane];
                }
            }
            LaneSums.sum(s, start, count);
            for (int v = 0; v < count; v++) {
                assertThat(s[start + LaneSums.index(v)]).as("vector %d of %d", v, count).isEqualTo(expected[v]);
            }
            assertThat(s[start + count * Simd.LANES]).isEqualTo((start + count * Simd.LANES) * (start + count * Simd.LANES) % 97);
        }
    }
}
