// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** A device that is missing, unfit, out of memory, lost, or that does not compile a kernel. One clear line. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
