// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import java.util.SplittableRandom;

/** The order of the examples in an epoch: a permutation that depends on seed and epoch alone, so that it can resume. */
final class EpochOrder {
    private EpochOrder() {}

    static int[] of(int size, long seed, int epoch) {
        int[] order = new int[size];
        SplittableRandom random = new SplittableRandom(seed * 0x9e3779b97f4a7c15L + epoch);
        for (int i = 0; i < size; i++) {
            // Fisher and Yates's shuffle, inside out (Durstenfeld 1964).
            int j = random.nextInt(i + 1);
            order[i] = order[j];
            order[j] = i;
        }
        return order;
    }
}
