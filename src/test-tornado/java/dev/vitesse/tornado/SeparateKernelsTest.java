// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.kernels.BackendConformance;
import dev.vitesse.kernels.TestDevice;
import org.junit.jupiter.api.Tag;

/** The kernels that a GPU gets, which {@code TornadoConformanceTest} runs only where there is one. */
@Tag("slow")
class SeparateKernelsTest extends BackendConformance {
    SeparateKernelsTest() {
        super("tornado", false);
    }

    @Override
    protected Backend open(TestDevice device) {
        device.open().close();
        try (TornadoBackend merged = (TornadoBackend) new TornadoDevices().open("", BackendOptions.DEFAULTS)) {
            return Backends.checked(TornadoBackend.open(
                    merged.target(), "tornado", BackendOptions.DEFAULTS, TornadoVariant.portable(false)));
        }
    }
}
