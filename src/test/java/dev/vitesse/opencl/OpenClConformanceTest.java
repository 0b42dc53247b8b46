// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.kernels.BackendConformance;

/** Every case on the best OpenCL device there is, in CI that is PoCL. */
class OpenClConformanceTest extends BackendConformance {
    OpenClConformanceTest() {
        super("opencl", false);
    }
}
