// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.DeviceException;
import org.junit.jupiter.api.Test;

class TornadoPeakTest {
    @Test
    void runsOnTheDevice() {
        assertThat(TornadoAccess.load().gigaflops("")).isPositive().isFinite();
    }

    @Test
    void refusesADeviceThatIsNotThere() {
        assertThatThrownBy(() -> TornadoAccess.load().gigaflops("99")).isInstanceOf(DeviceException.class)
                .hasMessageContaining("tornado:99");
    }
}
