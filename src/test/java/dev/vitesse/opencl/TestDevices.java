// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.kernels.TestDevice;

/** The device that this package's tests run on. */
final class TestDevices {
    private TestDevices() {}

    /** The best OpenCL device; skips the calling test where there is none. */
    static OpenClDevice require() {
        new TestDevice("opencl", false).open().close();
        return OpenClDevices.find().getFirst();
    }
}
