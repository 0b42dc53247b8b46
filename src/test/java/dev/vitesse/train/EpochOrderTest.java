// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EpochOrderTest {
    @Test
    void isAPermutationOfItsOwn() {
        int[] order = EpochOrder.of(1000, 7, 0);
        assertThat(order).containsExactlyInAnyOrder(IntStream.range(0, 1000).toArray());
        assertThat(order).isEqualTo(EpochOrder.of(1000, 7, 0));
        assertThat(order).isNotEqualTo(EpochOrder.of(1000, 7, 1));
        assertThat(order).isNotEqualTo(EpochOrder.of(1000, 8, 0));
    }

    /** Each place is reached by each example about equally often: chi-squared over 17 x 17 with 256 degrees of freedom. */
    @Test
    void isUniform() {
        int size = 17;
        int draws = 17000;
        int[][] counts = new int[size][size];
        for (int epoch = 0; epoch < draws; epoch++) {
            int[] order = EpochOrder.of(size, 1, epoch);
            for (int place = 0; place < size; place++) {
                counts[place][order[place]]++;
            }
        }
        double expected = draws / (double) size;
        double chiSquared = 0;
        for (int[] row : counts) {
            for (int count : row) {
                chiSquared += (count - expected) * (count - expected) / expected;
            }
        }
        assertThat(chiSquared).isBetween(180.0, 350.0);
    }
}
