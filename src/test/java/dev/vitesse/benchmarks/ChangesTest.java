// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
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

    /** On another machine whose loop of FMAs runs at 0.6 of the speed that it has in {@link Reports}. */
    private static Report onSlowMachine(Measurement... measurements) {
        Report report = of(measurements);
        DeviceFigures busy = new DeviceFigures(1.2, 0.1, 0.2, 60.0,
                List.of(new DeviceFigures.CopyRate(1 << 28, 20.2)), null, null);
        Environment e = report.environment();
        return new Report(report.schemaVersion(), report.created(), report.command(), false, report.dtype(),
                report.baseline(), new Environment(e.commit(), e.java(), e.jvmFlags(), e.system(), "other", 4,
                e.memoryBytes(), 3), List.of(new Report.ContenderInfo("cpu", "cpu", false, 2, Map.of(), busy),
                new Report.ContenderInfo("torch", "torch", true, 2, Map.of(), DeviceFigures.NONE)), report.measurements(),
                report.keyFigures());
    }

    /** Which may be why everything is slower. */
    @Test
    void aBusierMachineAndAnotherOneAreNoted() {
        Report old = of(Reports.ok(ONE, "cpu", 10));
        assertThat(Changes.between(old, onSlowMachine(Reports.ok(ONE, "cpu", 10)), 0.05).notes())
                .hasSize(2).contains("another processor: CPU & Co then").anySatisfy(note -> assertThat(note)
                        .startsWith("cpu's loop of FMAs runs at 0.60 of its earlier speed: the machine was busier"));
        assertThat(Changes.between(old, old, 0.05).notes()).isEmpty();
    }

    /** 0.6 of the speed is what the machine lost, peers' too; 0.5 is more than that. */
    @Test
    void whatIsSlowerByNoMoreThanItsMachineIsNoRegression() {
        Report old = of(Reports.ok(ONE, "cpu", 6), Reports.ok(EIGHT, "cpu", 50), Reports.ok(ONE, "torch", 6));
        Report now = onSlowMachine(Reports.ok(ONE, "cpu", 10), Reports.ok(EIGHT, "cpu", 100), Reports.ok(ONE, "torch", 10));
        Changes changes = Changes.between(old, now, 0.05);
        assertThat(changes.regressions()).singleElement()
                .satisfies(change -> assertThat(change.title()).isEqualTo("inference lightvit b=8"));
        assertThat(changes.text()).containsOnlyOnce("REGRESSION").contains("slower, as the machine")
                .contains("3 compared: 0 faster, 1 regressions beyond 5.00 %");
    }

    @Test
    void aFailureThatWasThereBeforeIsNone() {
        Report failing = of(Reports.failed(ONE, "cpu", "wrong"));
        assertThat(Changes.between(failing, failing, 0.05).regressionCount()).isZero();
    }
}
