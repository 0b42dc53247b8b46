// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BackendsTest {
    @Test
    void unknownDevicesAreRefusedWithTheKnownOnes() {
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open("gpu"))
                .withMessageStartingWith("unknown device 'gpu': use one of auto, ")
                .withMessageContaining("cpu").withMessageContaining("reference")
                .withMessageNotContaining("\n");
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open(""));
    }

    /** An explicit choice is never replaced by another device. */
    @Test
    void unknownSelectorsAreRefused() {
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open("cpu:7"));
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open("reference:7"))
                .withMessageContaining("reference:7");
    }

    @Test
    void everyProviderListsADeviceOrTheReasonWhyNot() {
        List<DeviceInfo> devices = Backends.devices();
        assertThat(devices).extracting(DeviceInfo::id).contains("cpu", "reference");
        assertThat(devices).allSatisfy(device -> assertThat(device.problem().isEmpty()).isEqualTo(device.usable()));
        assertThat(devices.getLast().id()).as("never chosen by auto").isEqualTo("reference");
    }

    @Test
    void autoSaysInOneLineWhatItChose() {
        List<String> choices = new ArrayList<>();
        try (Backend backend = Backends.open("auto", BackendOptions.DEFAULTS, choices::add)) {
            assertThat(choices).hasSize(1);
            assertThat(choices.getFirst()).startsWith("device auto: " + backend.name()).doesNotContain("\n");
            assertThat(backend.name()).doesNotStartWith("reference");
        }
    }

    @Test
    void openedBackendsCheckShapes() {
        try (Backend backend = Backends.open("reference")) {
            Tensor x = backend.tensor("x", 3);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> backend.record("program", k -> k.sumOfSquares(x, x)))
                    .withMessage("sumOfSquares: sum is x FLOAT32[3]; expected FLOAT32[1]");
        }
    }

    @Test
    void negativeThreadCountsAreRefused() {
        assertThatIllegalArgumentException().isThrownBy(() -> BackendOptions.DEFAULTS.withThreads(-1))
                .withMessage("threads must not be negative, got -1");
        assertThat(BackendOptions.DEFAULTS.threadCount()).isPositive();
        assertThat(BackendOptions.DEFAULTS.withThreads(3).threadCount()).isEqualTo(3);
    }
}
