// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.List;

/**
 * Finds and opens the devices of one kind; registered as a {@link java.util.ServiceLoader} service. Asking a provider
 * must be safe where its libraries or drivers are missing: it then lists one unusable device that says what to install.
 */
public interface BackendProvider {
    /** The part of a device's id before the colon. */
    String name();

    /** Its place in the order in which {@code auto} tries providers, smallest first; negative: never by {@code auto}. */
    int autoOrder();

    /** What was found, usable or not, best first. Never throws and never empty. */
    List<DeviceInfo> devices();

    /**
     * Opens a device.
     *
     * @param selector the part of the id after the colon, empty for the provider's best device
     * @throws DeviceException if there is no such device or it cannot be used
     */
    Backend open(String selector, BackendOptions options);
}
