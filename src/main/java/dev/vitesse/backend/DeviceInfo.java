// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.Map;

/**
 * A device that a provider found, or the reason why it offers none.
 *
 * @param id what {@code --device} takes: {@code cpu}, {@code opencl:1}
 * @param description the device's own name
 * @param usable whether {@link Backends#open} can open it
 * @param automatic whether {@code auto} may choose it; a device that is slower than the CPU's own backend is for those
 *     who ask for it by name
 * @param problem why it is not usable and what to do about it, empty if it is
 * @param details further facts by name (driver, memory, limits), in the order to show them
 */
public record DeviceInfo(
        String id,
        String description,
        boolean usable,
        boolean automatic,
        String problem,
        Map<String, String> details) {

    public static DeviceInfo usable(String id, String description, Map<String, String> details) {
        return new DeviceInfo(id, description, true, true, "", details);
    }

    public static DeviceInfo unusable(String id, String description, String problem) {
        return new DeviceInfo(id, description, false, false, problem, Map.of());
    }
}
