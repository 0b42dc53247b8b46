// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

class ReferenceModelTest extends ModelConformance {
    ReferenceModelTest() {
        super("reference", true);
    }
}
