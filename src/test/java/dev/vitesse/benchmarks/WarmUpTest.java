// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** With a clock of its own: each run takes as many milliseconds as a function of its number says. */
class WarmUpTest {
    private static final double LONG = 1000;

    private long nanos;
    private long compiled;
    private int runs;

    private WarmUp.Result warmUp(IntToDoubleFunction millis, double share, double mostSeconds) {
        return new WarmUp(() -> nanos, () -> compiled).run(() -> {
            long time = Math.round(1e6 * millis.applyAsDouble(runs++));
            nanos += time;
            compiled += Math.round(share * time);
        }, mostSeconds);
    }

    @Test
    void steadyWorkIsWarmAfterTenMoreWindows() {
        WarmUp.Result result = warmUp(run -> 10, 0, LONG);
        assertThat(result).isEqualTo(new WarmUp.Result(true, 10e6, 1.1));
        assertThat(runs).isEqualTo(110);
    }

    @Test
    void workThatBecomesFasterGoesOnUntilItDoesNot() {
        assertThat(warmUp(run -> run < 200 ? 20 - 0.09 * run : 2, 0, LONG).nanos()).isEqualTo(2e6);
        assertThat(warmUp(run -> run == 0 ? 3000 : 50, 0, LONG).steady()).isTrue();
    }

    @Test
    void itGoesOnWhileTheJvmCompiles() {
        WarmUp.Result result = warmUp(run -> 10, 0.3, 5);
        assertThat(result.steady()).isFalse();
        assertThat(result.seconds()).isBetween(5.0, 5.2);
    }

    @Test
    void otherProgramsThatSlowItDownDoNotMatter() {
        assertThat(warmUp(run -> run < 10 ? 10 : 10 + run % 7, 0, LONG).steady()).isTrue();
    }

    @Test
    void workThatIsStillGettingFasterAtTheEndIsCalledSo() {
        assertThat(warmUp(run -> 1000 * Math.pow(0.9, run), 0, 3).steady()).isFalse();
        // Of a run that takes longer than there is time, two are enough.
        runs = 0;
        assertThat(warmUp(run -> run == 0 ? 9000 : 5000, 0, 3).steady()).isFalse();
        runs = 0;
        assertThat(warmUp(run -> 5000, 0, 3)).isEqualTo(new WarmUp.Result(true, 5e9, 10));
    }
}
