// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.kernels.BackendConformance;
import dev.vitesse.kernels.TestDevice;
import org.junit.jupiter.api.Assumptions;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/** The kernels of a GPU with products by cuBLAS; skipped where TornadoVM has no CUDA device. */
class CublasConformanceTest extends BackendConformance {
    CublasConformanceTest() {
        super("tornado", false);
    }

    @Override
    protected Backend open(TestDevice device) {
        device.open().close();
        TornadoTarget target = new TornadoDevices().find(TornadoVMBackendType.CUDA).orElse(null);
        Assumptions.assumeTrue(target != null, "TornadoVM has no CUDA device: its SDK has no such driver, or there is no GPU");
        return Backends.checked(TornadoBackend.open(
                target, "tornado:cuda", BackendOptions.DEFAULTS,
                new TornadoVariant(false, TornadoKernel.ofLibrary(CublasProducts.NAME), false)));
    }
}
