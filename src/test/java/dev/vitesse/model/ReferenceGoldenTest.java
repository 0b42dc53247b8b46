// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.kernels.TestDevice;

class ReferenceGoldenTest extends GoldenConformance {
    ReferenceGoldenTest() {
        super(TestDevice.required("reference"));
    }
}
