// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

/** The kernels that TornadoVM compiles; skipped where its SDK is not. */
class TornadoConformanceTest extends BackendConformance {
    TornadoConformanceTest() {
        super("tornado", false);
    }
}
