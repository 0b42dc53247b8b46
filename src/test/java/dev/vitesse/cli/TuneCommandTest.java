// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** What {@code tune} refuses; the search itself takes minutes and is tested where it is. */
class TuneCommandTest {
    @Test
    void onlyOpenClHasSizesToTune() {
        CliRun run = CliRun.of("tune", "--device", "cpu");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.USAGE);
        assertThat(run.err()).contains("--device is cpu; only OpenCL's kernels have sizes to tune: use opencl");
    }

    @Test
    void aDeviceThatIsNotThereIsADeviceError() {
        CliRun run = CliRun.of("tune", "--device", "opencl:99");
        assertThat(run.exitCode()).isEqualTo(ExitCodes.DEVICE);
        assertThat(run.err()).startsWith("vitesse: error: ").hasLineCount(1);
    }
}
