// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.kernels.TestDevice;

class ReferenceModelTest extends ModelConformance {
    ReferenceModelTest() {
        super(TestDevice.required("reference"));
    }
}
