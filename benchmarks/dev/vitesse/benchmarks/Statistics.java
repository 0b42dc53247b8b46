// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.Arrays;
import org.apache.commons.math3.distribution.BinomialDistribution;
import org.apache.commons.math3.stat.descriptive.rank.Percentile;
import org.apache.commons.math3.stat.inference.MannWhitneyUTest;
import org.apache.commons.math3.stat.inference.WilcoxonSignedRankTest;

/**
 * Figures that hold for times of any distribution: medians with the interval that order statistics give, and rank tests.
 * The unit is a round, never a run: runs within one are not independent.
 */
final class Statistics {
    static final double CONFIDENCE = 0.95;
    /** A difference that chance brings about less often than this is called one. */
    static final double SIGNIFICANT = 1 - CONFIDENCE;

    /** Up to here the signed-rank test counts every possible order; beyond, its normal approximation is as good. */
    private static final int LARGEST_EXACT = 20;

    private Statistics() {}

    /**
     * A median and where it lies with {@link #CONFIDENCE}; with fewer than six values the interval is their range, which
     * promises less.
     */
    record Estimate(double median, double low, double high) {
        /** Of the inverse: a time's estimate as a rate's. */
        Estimate inverse(double factor) {
            return new Estimate(factor / median, factor / high, factor / low);
        }
    }

    /** What a comparison says. */
    enum Verdict {
        FASTER,
        SLOWER,
        /** The difference is inside the noise. */
        SAME
    }

    /**
     * How much faster one is than another.
     *
     * @param speedup the other's time divided by the one's, above 1 if the one is faster
     * @param p how often chance alone would bring about such a difference
     */
    record Comparison(Estimate speedup, double p, Verdict verdict) {}

    static double median(double... values) {
        return percentile(50, values);
    }

    /** The value below which {@code percent} percent of {@code values} lie; NaN of none. */
    static double percentile(double percent, double... values) {
        return new Percentile().withEstimationType(Percentile.EstimationType.R_7).evaluate(values, percent);
    }

    /** The median of {@code values} (at least one) with its interval. */
    static Estimate estimate(double... values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int outside = 0;
        // Value number i (from 0) lies above the median if at most i values lie below it.
        BinomialDistribution below = new BinomialDistribution(null, sorted.length, 0.5);
        while (2 * (outside + 1) < sorted.length && below.cumulativeProbability(outside) <= SIGNIFICANT / 2) {
            outside++;
        }
        int first = Math.max(0, outside - 1);
        return new Estimate(median(sorted), sorted[first], sorted[sorted.length - 1 - first]);
    }

    /** Compares times of the same rounds, pair by pair (Wilcoxon's signed-rank test on their ratios). */
    static Comparison paired(double[] one, double[] other) {
        double[] ratios = new double[one.length];
        double[] logOne = new double[one.length];
        double[] logOther = new double[one.length];
        for (int i = 0; i < one.length; i++) {
            ratios[i] = other[i] / one[i];
            logOne[i] = Math.log(one[i]);
            logOther[i] = Math.log(other[i]);
        }
        double p = Arrays.equals(one, other) ? 1
                : new WilcoxonSignedRankTest().wilcoxonSignedRankTest(logOther, logOne, one.length <= LARGEST_EXACT);
        return comparison(estimate(ratios), p);
    }

    /**
     * Compares times of different sessions (Mann and Whitney's test); the interval of the ratio has all pairs of the two
     * medians' intervals, so it is wide rather than narrow.
     */
    static Comparison unpaired(double[] one, double[] other) {
        Estimate a = estimate(one);
        Estimate b = estimate(other);
        Estimate ratio = new Estimate(b.median / a.median, b.low / a.high, b.high / a.low);
        return comparison(ratio, new MannWhitneyUTest().mannWhitneyUTest(one, other));
    }

    private static Comparison comparison(Estimate speedup, double p) {
        Verdict verdict = p >= SIGNIFICANT || speedup.median == 1 ? Verdict.SAME
                : speedup.median > 1 ? Verdict.FASTER : Verdict.SLOWER;
        return new Comparison(speedup, p, verdict);
    }

    /** Exp of the mean logarithm. */
    static double geometricMean(double... values) {
        return Math.exp(Arrays.stream(values).map(Math::log).average().orElse(Double.NaN));
    }
}
