// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class TornadoGoldenTest extends GoldenConformance {
    TornadoGoldenTest() {
        super("tornado", false);
    }
}
