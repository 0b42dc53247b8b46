// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class CpuGoldenTest extends GoldenConformance {
    CpuGoldenTest() {
        super("cpu", true);
    }
}
