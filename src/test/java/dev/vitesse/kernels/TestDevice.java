// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.Assumptions;

/**
 * The device that a test class runs on.
 *
 * @param name as {@link Backends#open} takes it
 * @param required whether an unusable device fails the test; else the test is skipped with the provider's reason
 */
public record TestDevice(String name, boolean required) {
    /** Devices whose absence was said, once for all test classes. */
    private static final Set<String> REPORTED = ConcurrentHashMap.newKeySet();

    /** Opens the device, or skips the calling test. */
    public Backend open() {
        if (!required) {
            DeviceInfo info = Backends.devices().stream()
                    .filter(found -> found.id().equals(name) || found.id().startsWith(name + ":"))
                    .findFirst()
                    .orElse(DeviceInfo.unusable(name, "", "no provider of this name is installed"));
            if (!info.usable() && REPORTED.add(name)) {
                System.out.println(name + " was not tested: " + info.problem());
            }
            Assumptions.assumeTrue(info.usable(), name + ": " + info.problem());
        }
        return Backends.open(name);
    }
}
