// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class DeviceFiguresTest {
    private static DeviceFigures of(DeviceFigures.CopyRate... copies) {
        return new DeviceFigures(1.0, null, null, 100.0, List.of(copies), null, 3.0);
    }

    private static DeviceFigures.CopyRate copy(long bytes, double gigabytes) {
        return new DeviceFigures.CopyRate(bytes, gigabytes);
    }

    @Test
    void copiesOfOtherSizesLieBetween() {
        DeviceFigures figures = of(copy(1 << 10, 80), copy(1 << 12, 80), copy(1 << 14, 20));
        assertThat(figures.copyGigabytes()).isEqualTo(20);
        assertThat(figures.copyGigabytes(10)).isEqualTo(80);
        assertThat(figures.copyGigabytes(1 << 12)).isEqualTo(80);
        assertThat(figures.copyGigabytes(1 << 13)).isCloseTo(40, within(1e-9));
        assertThat(figures.copyGigabytes(1 << 20)).isEqualTo(20);
        assertThat(DeviceFigures.NONE.copyGigabytes()).isNull();
        assertThat(DeviceFigures.NONE.copyGigabytes(1)).isNull();
    }

    @Test
    void theBetterOfTwoMeasurementsOfThePeaksCounts() {
        DeviceFigures both = of(copy(1, 5), copy(2, 4)).withPeaksOf(of(copy(1, 3), copy(2, 6)));
        assertThat(both.copies()).containsExactly(copy(1, 5), copy(2, 6));
        assertThat(of(copy(1, 5)).withPeaksOf(DeviceFigures.NONE)).isEqualTo(of(copy(1, 5)));
    }
}
