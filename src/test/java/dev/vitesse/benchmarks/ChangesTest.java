// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ChangesTest {
    private static final Workload ONE = Workload.inference("lightvit", 1);
    private static final Workload EIGHT = Workload.inference("lightvit", 8);

    private static Report of(Measurement... measurements) {
        return Reports.report(List.of(measurements));
    }

    @Test
    void aSignificantLossBeyondTheShareIsARegression() {
        Report old = of(Reports.ok(ONE, "cpu", 10), Reports.ok(EIGHT, "cpu", 80));
        Report now = of(Reports.ok(ONE, "cpu", 12), Reports.ok(EIGHT, "cpu", 60));
        Changes changes = Changes.between(old, now, 0.05);
        assertThat(changes.regressions()).singleElement()
                .satisfies(change -> assertThat(change.title()).isEqualTo("inference lightvit b=1"));
        assertThat(changes.text()).contains("REGRESSION").contains("faster")
                .contains("2 compared: 1 faster, 1 regressions beyond 5.00 %, 0 in one report only");
        assertThat(Changes.between(old, now, 0.25).regressionCount()).isZero();
    }

    @Test
    void whatIsInsideTheNoiseIsNoChange() {
        Changes changes = Changes.between(of(Reports.ok(ONE, "cpu", 10)), of(Reports.ok(ONE, "cpu", 10.02)), 0);
        assertThat(changes.regressionCount()).isZero();
        assertThat(changes.text()).isEqualTo("1 compared: 0 faster, 0 regressions beyond 0 %, 0 in one report only\n");
    }

    @Test
    void whatFailsNowIsARegressionAndOthersAreCounted() {
        Report old = of(Reports.ok(ONE, "cpu", 10), Reports.ok(ONE, "opencl", 10));
        Report now = of(Reports.failed(ONE, "cpu", "wrong"), Reports.ok(EIGHT, "cpu", 10));
        Changes changes = Changes.between(old, now, 0.05);
        assertThat(changes.regressionCount()).isEqualTo(1);
        assertThat(changes.text()).contains("FAILED now").contains("2 in one report only");
    }

    @Test
    void aFailureThatWasThereBeforeIsNone() {
        Report failing = of(Reports.failed(ONE, "cpu", "wrong"));
        assertThat(Changes.between(failing, failing, 0.05).regressionCount()).isZero();
    }
}
