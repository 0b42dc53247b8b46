// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.SplittableRandom;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class StatisticsTest {
    @Test
    void theIntervalOfAMedianIsThatOfOrderStatistics() {
        // With n = 6 and 7 only the extremes reach 95 %, with 8 too; with 9 the second ones; with 20 the sixth ones.
        assertThat(Statistics.estimate(6, 5, 4, 3, 2, 1)).isEqualTo(new Statistics.Estimate(3.5, 1, 6));
        assertThat(Statistics.estimate(range(7))).isEqualTo(new Statistics.Estimate(4, 1, 7));
        assertThat(Statistics.estimate(range(9))).isEqualTo(new Statistics.Estimate(5, 2, 8));
        assertThat(Statistics.estimate(range(20))).isEqualTo(new Statistics.Estimate(10.5, 6, 15));
        assertThat(Statistics.estimate(3)).isEqualTo(new Statistics.Estimate(3, 3, 3));
        assertThat(Statistics.estimate(1, 2)).isEqualTo(new Statistics.Estimate(1.5, 1, 2));
    }

    private static double[] range(int last) {
        return DoubleStream.iterate(1, x -> x + 1).limit(last).toArray();
    }

    /** Of a skewed distribution with a known median; the third of 14 values from either end keeps 98.7 %. */
    @Test
    void theIntervalHoldsTheMedianAsOftenAsItPromises() {
        SplittableRandom random = new SplittableRandom(1);
        int runs = 4000;
        int held = 0;
        for (int run = 0; run < runs; run++) {
            Statistics.Estimate e =
                    Statistics.estimate(DoubleStream.generate(() -> -Math.log(random.nextDouble())).limit(14).toArray());
            held += e.low() <= Math.log(2) && Math.log(2) <= e.high() ? 1 : 0;
        }
        assertThat(held / (double) runs).isCloseTo(0.987, within(0.006));
    }

    @Test
    void pairsThatAlwaysDifferAreADifferenceHoweverTheMachineDrifts() {
        double[] one = {1, 2, 4, 8, 16, 32, 64};
        double[] other = DoubleStream.of(one).map(x -> 1.1 * x).toArray();
        Statistics.Comparison c = Statistics.paired(one, other);
        assertThat(c.speedup().median()).isCloseTo(1.1, within(1e-12));
        assertThat(c.p()).isCloseTo(2.0 / 128, within(1e-12));
        assertThat(c.verdict()).isEqualTo(Statistics.Verdict.FASTER);
        assertThat(Statistics.paired(other, one).verdict()).isEqualTo(Statistics.Verdict.SLOWER);
    }

    @Test
    void differencesInsideTheNoiseAreNone() {
        double[] one = {1, 1.2, 0.9, 1.1, 1, 0.95, 1.05};
        double[] other = {1.1, 1, 1, 0.95, 1.02, 1, 1};
        assertThat(Statistics.paired(one, other).verdict()).isEqualTo(Statistics.Verdict.SAME);
        assertThat(Statistics.paired(one, one).verdict()).isEqualTo(Statistics.Verdict.SAME);
        assertThat(Statistics.unpaired(one, other).verdict()).isEqualTo(Statistics.Verdict.SAME);
    }

    @Test
    void sessionsAreComparedWithoutPairs() {
        double[] now = {9, 9.1, 9.2, 9.05, 9.15, 9.3, 9.01};
        double[] before = {10, 10.1, 10.2, 10.05, 10.3, 10.15, 10.01};
        Statistics.Comparison c = Statistics.unpaired(now, before);
        assertThat(c.verdict()).isEqualTo(Statistics.Verdict.FASTER);
        assertThat(c.speedup().median()).isCloseTo(10.1 / 9.1, within(1e-12));
        assertThat(c.speedup().low()).isLessThan(c.speedup().median());
    }

    @Test
    void percentilesInterpolate() {
        assertThat(Statistics.percentile(99, range(101))).isCloseTo(100, within(1e-9));
        assertThat(Statistics.median(1, 2, 10, 11)).isEqualTo(6);
    }
}
