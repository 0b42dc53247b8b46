// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.vitesse.cpu.CpuBackendProvider;
import dev.vitesse.reference.ReferenceBackendProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    void autoGoesOnWhereAGpuFailsAndSaysWhy() {
        List<BackendProvider> providers = List.of(
                new BrokenProvider("kernel gemm does not compile; the compiler says:\nline 1: error"),
                new ReferenceBackendProvider());
        List<String> choices = new ArrayList<>();
        try (Backend backend = Backends.openBest(List.of(providers.getFirst(), new CpuBackendProvider()),
                BackendOptions.DEFAULTS, choices::add)) {
            assertThat(backend.name()).startsWith("cpu");
            assertThat(choices).containsExactly("device auto: " + backend.name()
                    + " (passed over broken: kernel gemm does not compile; the compiler says:)");
        }
        assertThatExceptionOfType(DeviceException.class)
                .isThrownBy(() -> Backends.openBest(providers, BackendOptions.DEFAULTS, choices::add))
                .withMessage("no device can run: broken: kernel gemm does not compile; the compiler says:");
    }

    /** Lists a GPU that looks well and fails when it is opened. */
    private record BrokenProvider(String failure) implements BackendProvider {
        @Override
        public String name() {
            return "broken";
        }

        @Override
        public int autoOrder() {
            return 1;
        }

        @Override
        public List<DeviceInfo> devices() {
            return List.of(DeviceInfo.usable("broken", "a GPU", Map.of()));
        }

        @Override
        public Backend open(String selector, BackendOptions options) {
            throw new DeviceException(failure);
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
