// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

/** The reference backend against itself: what fails here is wrong in the table. */
class ReferenceConformanceTest extends BackendConformance {
    ReferenceConformanceTest() {
        super("reference", true);
    }
}
