// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import org.junit.jupiter.api.Assumptions;

/**
 * The device that a test class runs on.
 *
 * @param name as {@link Backends#open} takes it
 * @param mustRun whether an unusable device fails the test; else the test is skipped with the provider's reason
 */
public record TestDevice(String name, boolean mustRun) {
    /** A device that is there on every machine. */
    public static TestDevice required(String name) {
        return new TestDevice(name, true);
    }

    /** A device that a machine may lack. */
    public static TestDevice ifUsable(String name) {
        return new TestDevice(name, false);
    }

    /** Opens the device, or skips the calling test. */
    public Backend open() {
        if (!mustRun) {
            DeviceInfo info = Backends.devices().stream()
                    .filter(found -> found.id().equals(name) || found.id().startsWith(name + ":"))
                    .findFirst()
                    .orElse(DeviceInfo.unusable(name, "", "no provider of this name is installed"));
            Assumptions.assumeTrue(info.usable(), name + ": " + info.problem());
        }
        return Backends.open(name);
    }
}
