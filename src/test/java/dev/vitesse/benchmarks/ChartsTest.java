// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ChartsTest {
    @ParameterizedTest
    @CsvSource({"0.8, 1.25", "0.3, 1.4", "0.9, 3.2", "0.1, 40", "0.01, 900", "1e-4, 1e5"})
    void logarithmicAxesHaveSomeTicksAndAllWithin(double low, double high) {
        Axis axis = Axis.logarithmic(low, high, 0, 100);
        assertThat(axis.ticks()).hasSizeBetween(3, 16).isSorted().allMatch(tick -> tick >= low && tick <= high);
        assertThat(axis.at(low)).isCloseTo(0, within(1e-9));
        assertThat(axis.at(Math.sqrt(low * high))).isCloseTo(50, within(1e-9));
        assertThat(axis.at(high)).isCloseTo(100, within(1e-9));
    }

    @Test
    void linearAxesBeginAtZeroAndEndAtARoundNumber() {
        Axis axis = Axis.linear(57, 0, 100);
        assertThat(axis.ticks()).containsExactly(0.0, 20.0, 40.0, 60.0);
        assertThat(axis.at(30)).isEqualTo(50);
    }

    @Test
    void labelsOfManyNearPointsLieApartAndWithin() {
        Labels labels = new Labels(0, 0, 900, 400);
        List<Labels.Place> places = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            labels.avoid(450 + i, 200);
        }
        for (int i = 0; i < 12; i++) {
            places.add(labels.place(450 + i, 200, "linearBackwardWeight"));
        }
        assertThat(places).doesNotContainNull().doesNotHaveDuplicates();
        for (Labels.Place place : places) {
            assertThat(places.stream().filter(other -> other != place && other.anchor().equals(place.anchor())
                    && Math.abs(other.y() - place.y()) < 12)).isEmpty();
        }
        assertThat(new Labels(0, 0, 50, 50).place(25, 25, "longer than the plot is wide")).isNull();
    }
}
