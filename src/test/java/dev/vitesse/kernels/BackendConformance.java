// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Every case of the table as a test of its own, on one backend. A subclass names the device. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BackendConformance {
    private final String device;
    private final boolean required;
    private Backend backend;

    /**
     * @param device as {@link Backends#open} takes it
     * @param required whether an unusable device fails the test; else it is skipped with the provider's reason
     */
    protected BackendConformance(String device, boolean required) {
        this.device = device;
        this.required = required;
    }

    @BeforeAll
    void open() {
        if (!required) {
            DeviceInfo info = Backends.devices().stream()
                    .filter(found -> found.id().equals(device) || found.id().startsWith(device + ":"))
                    .findFirst()
                    .orElse(DeviceInfo.unusable(device, "", "no provider of this name is installed"));
            Assumptions.assumeTrue(info.usable(), info.problem());
        }
        backend = Backends.open(device);
    }

    @AfterAll
    void close() {
        if (backend != null) {
            backend.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> cases() {
        List<KernelCase> cases = KernelCases.selected();
        assertThat(cases).as("cases that vitesse.case selects").isNotEmpty();
        return cases.stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> CaseRunner.check(c, backend)));
    }
}
