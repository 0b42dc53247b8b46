// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class ReferenceGoldenTest extends GoldenConformance {
    ReferenceGoldenTest() {
        super("reference", true);
    }
}
