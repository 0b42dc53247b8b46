// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;

/**
 * Where values lie on a picture.
 *
 * @param low value at {@code from}
 * @param high value at {@code to}
 * @param from pixel
 * @param to pixel
 * @param logarithmic whether equal distances are equal ratios
 */
record Axis(double low, double high, double from, double to, boolean logarithmic) {
    private static final int FEWEST_DECADES = 3;

    /** From zero to a round number not below {@code largest}. */
    static Axis linear(double largest, double from, double to) {
        double step = step(largest);
        return new Axis(0, Math.max(step, Math.ceil(largest / step) * step), from, to, false);
    }

    /** Over whole powers of ten, or of two where there are few. */
    static Axis logarithmic(double smallest, double largest, double from, double to) {
        return new Axis(Math.pow(10, Math.floor(Math.log10(smallest))), Math.pow(10, Math.ceil(Math.log10(largest))),
                from, to, true);
    }

    /** A fifth of {@code largest}, rounded to 1, 2 or 5 times a power of ten. */
    private static double step(double largest) {
        double rough = largest / 5;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        double digit = rough / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    double at(double value) {
        double share = logarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
        return from + share * (to - from);
    }

    /** Values for the lines of a grid. */
    List<Double> ticks() {
        List<Double> ticks = new ArrayList<>();
        if (!logarithmic) {
            double step = step(high);
            for (int i = 0; i * step <= high * 1.0001; i++) {
                ticks.add(i * step);
            }
            return ticks;
        }
        boolean few = Math.log10(high / low) < FEWEST_DECADES - 0.5;
        for (double power = low; power <= high * 1.0001; power *= 10) {
            for (double digit : few ? new double[] {1, 2, 5} : new double[] {1}) {
                if (digit * power <= high * 1.0001) {
                    ticks.add(digit * power);
                }
            }
        }
        return ticks;
    }
}
