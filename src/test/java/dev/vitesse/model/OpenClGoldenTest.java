// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class OpenClGoldenTest extends GoldenConformance {
    OpenClGoldenTest() {
        super("opencl", false);
    }
}
