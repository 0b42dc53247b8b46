// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class OpenClModelTest extends ModelConformance {
    OpenClModelTest() {
        super("opencl", false);
    }
}
