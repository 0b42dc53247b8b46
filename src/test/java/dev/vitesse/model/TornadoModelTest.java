// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import org.junit.jupiter.api.Tag;

/** Slow because each configuration has patterns of kernels of its own, which TornadoVM compiles one after the other. */
@Tag("slow")
class TornadoModelTest extends ModelConformance {
    TornadoModelTest() {
        super("tornado", false);
    }
}
