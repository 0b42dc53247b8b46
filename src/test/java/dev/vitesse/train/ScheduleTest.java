// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ScheduleTest {
    private static final int WARMUP = 10;
    private static final int STEPS = 110;

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void warmsUpLinearlyToThePeak(Schedule schedule) {
        assertThat(schedule.rate(2, 1, WARMUP, STEPS)).isEqualTo(0.2f);
        assertThat(schedule.rate(2, 5, WARMUP, STEPS)).isEqualTo(1);
        assertThat(schedule.rate(2, WARMUP, WARMUP, STEPS)).isEqualTo(2);
        assertThat(schedule.rate(2, WARMUP + 1, WARMUP, STEPS)).isEqualTo(2);
    }

    @ParameterizedTest
    @EnumSource(Schedule.class)
    void needsNoWarmup(Schedule schedule) {
        assertThat(schedule.rate(2, 1, 0, STEPS)).isEqualTo(2);
        assertThat(schedule.rate(2, 1, 0, 1)).isEqualTo(2);
    }

    @Test
    void constantStays() {
        assertThat(Schedule.CONSTANT.rate(3, STEPS, WARMUP, STEPS)).isEqualTo(3);
    }

    @Test
    void cosineFallsToZero() {
        assertThat(Schedule.COSINE.rate(2, WARMUP + 51, WARMUP, STEPS)).isCloseTo(1, within(1e-6f));
        assertThat(Schedule.COSINE.rate(2, WARMUP + 26, WARMUP, STEPS))
                .isCloseTo((float) (1 + Math.sqrt(0.5)), within(1e-6f));
        assertThat(Schedule.COSINE.rate(2, STEPS, WARMUP, STEPS)).isBetween(0f, 1e-3f);
    }

    @Test
    void stepFallsTwice() {
        assertThat(Schedule.STEP.rate(2, WARMUP + 50, WARMUP, STEPS)).isEqualTo(2);
        assertThat(Schedule.STEP.rate(2, WARMUP + 51, WARMUP, STEPS)).isEqualTo(0.2f);
        assertThat(Schedule.STEP.rate(2, WARMUP + 75, WARMUP, STEPS)).isEqualTo(0.2f);
        assertThat(Schedule.STEP.rate(2, WARMUP + 76, WARMUP, STEPS)).isEqualTo(0.02f);
    }
}
