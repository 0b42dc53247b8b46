// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import org.junit.jupiter.api.Tag;

/** Slow because an OpenCL driver for CPUs takes minutes to compile the kernels of so many shapes. */
@Tag("slow")
class OpenClModelTest extends ModelConformance {
    OpenClModelTest() {
        super("opencl", false);
    }
}
