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
    /** Digits of the ticks of logarithmic axes: many where the values are near each other. */
    private static final double[] MANY_DIGITS = {1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8};

    private static final double[] SOME_DIGITS = {1, 2, 5};
    private static final double[] ONE_DIGIT = {1};
    private static final double NEAR = 6;
    private static final double FAR = 1000;

    /** From zero to a round number not below {@code largest}. */
    static Axis linear(double largest, double from, double to) {
        double step = step(largest);
        return new Axis(0, Math.max(step, Math.ceil(largest / step) * step), from, to, false);
    }

    /** From {@code smallest} to {@code largest}, both positive. */
    static Axis logarithmic(double smallest, double largest, double from, double to) {
        return new Axis(smallest, largest, from, to, true);
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
        double ratio = high / low;
        double[] digits = ratio < NEAR ? MANY_DIGITS : ratio < FAR ? SOME_DIGITS : ONE_DIGIT;
        for (int power = (int) Math.floor(Math.log10(low)); Math.pow(10, power) <= high; power++) {
            for (double digit : digits) {
                double tick = digit * Math.pow(10, power);
                if (tick >= low && tick <= high) {
                    ticks.add(tick);
                }
            }
        }
        return ticks;
    }
}
