// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

/**
 * How far a float32 result may lie from the double one: |actual - expected| &lt;= relative max(|expected|, magnitude).
 * What is not finite must be the same.
 *
 * @param relative the bound, or 0 for the same bits as the rounded expectation (either sign of zero)
 * @param magnitude the size of a typical result: where terms cancel, the error is that of the terms
 */
public record Tolerance(double relative, double magnitude) {
    public static final Tolerance EXACT = new Tolerance(0, 0);

    /** A few roundings of values of about {@code magnitude}. */
    public static Tolerance elementwise(double magnitude) {
        return new Tolerance(4e-7, magnitude);
    }

    /**
     * A sum of {@code terms} products, each of about {@code product}: rounding errors add up like a random walk. 2^-22 is
     * four times the largest error of one rounding, which leaves a factor of about four for the largest of many results.
     */
    public static Tolerance sum(int terms, double product) {
        return new Tolerance((2 + Math.sqrt(terms)) * 0x1p-22, Math.sqrt(terms) * product);
    }

    /** The dot product of two vectors of {@link Fill#unit} values. */
    public static Tolerance dot(int terms) {
        return sum(terms, 1.0 / 3);
    }

    public Tolerance times(double factor) {
        return new Tolerance(relative * factor, magnitude);
    }

    /** Whether {@code actual} is near enough to {@code expected}; NaN is near to NaN alone. */
    public boolean accepts(double expected, float actual) {
        if (relative == 0 || !Double.isFinite(expected)) {
            return (float) expected == actual || Double.isNaN(expected) && Float.isNaN(actual);
        }
        // Written so that NaN is refused.
        return Math.abs(actual - expected) <= relative * Math.max(Math.abs(expected), magnitude);
    }
}
