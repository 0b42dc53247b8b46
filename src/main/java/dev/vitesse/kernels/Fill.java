// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.random.RandomGenerator;

/** What an operand holds before a run: a value for each element, rounded to the operand's type afterwards. */
@FunctionalInterface
public interface Fill {
    double value(RandomGenerator random, int index);

    static Fill constant(double value) {
        return (random, index) -> value;
    }

    static Fill uniform(double low, double high) {
        return (random, index) -> random.nextDouble(low, high);
    }

    /** Uniform between -1 and 1; root mean square 1/sqrt(3). */
    static Fill unit() {
        return uniform(-1, 1);
    }

    /** Small integers, whose products and sums float32 represents exactly in whatever order they are added. */
    static Fill integers() {
        return (random, index) -> random.nextInt(-4, 5);
    }

    /** Any 32 bits: seeds and steps of dropout. */
    static Fill bits() {
        return (random, index) -> random.nextInt();
    }
}
