// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class GpuPowerMeterTest {
    private static GpuPowerMeter of(String script) {
        return new GpuPowerMeter(List.of("sh", "-c", script));
    }

    private static double firstPower(GpuPowerMeter meter) throws InterruptedException {
        meter.start();
        Double watts = meter.stop();
        while (watts == null) {
            Thread.sleep(5);
            watts = meter.stop();
        }
        return watts;
    }

    @Test
    void powerIsTheMeanOfAllGpusTogether() throws InterruptedException {
        try (GpuPowerMeter meter = of("while :; do echo '0, 100.50'; echo '1, 50.25'; sleep 0.01; done")) {
            assertThat(firstPower(meter)).isCloseTo(150.75, within(1e-9));
            meter.start();
            Thread.sleep(100);
            assertThat(meter.stop()).isCloseTo(150.75, within(1e-9));
        }
    }

    @Test
    void withoutTheProgramOrWithoutFiguresThereIsNoPower() throws InterruptedException {
        try (GpuPowerMeter missing = new GpuPowerMeter(List.of("no-such-program"));
                GpuPowerMeter silent = of("echo '0, [N/A]'");
                GpuPowerMeter broken = of("echo 'Failed to initialize NVML'; exit 9")) {
            missing.start();
            silent.start();
            broken.start();
            Thread.sleep(100);
            assertThat(missing.stop()).isNull();
            assertThat(silent.stop()).isNull();
            assertThat(broken.stop()).isNull();
        }
    }
}
