// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.kernels.BackendConformance;

/** The CPU backend against the reference. */
class CpuConformanceTest extends BackendConformance {
    CpuConformanceTest() {
        super("cpu", true);
    }
}
