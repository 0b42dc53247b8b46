// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class CpuModelTest extends ModelConformance {
    CpuModelTest() {
        super("cpu", true);
    }
}
