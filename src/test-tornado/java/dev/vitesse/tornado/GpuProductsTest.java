// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.LinearCase;
import dev.vitesse.kernels.TestDevice;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** The products that a GPU gets, in both sizes of tiles; {@link SeparateKernelsTest} has them with every case of the table. */
class GpuProductsTest {
    @Test
    void areAsExactAsThoseOfACpu() {
        new TestDevice("tornado", false).open().close();
        try (TornadoBackend merged = (TornadoBackend) new TornadoDevices().open("", BackendOptions.DEFAULTS);
                TornadoBackend separate = TornadoBackend.open(
                        merged.target().withComputeUnits(1), "tornado", BackendOptions.DEFAULTS, TornadoVariant.portable(false));
                Backend backend = Backends.checked(separate)) {
            LinearCase small = new LinearCase(1, 65, 63, 65, true);
            LinearCase large = new LinearCase(1, 197, 197, 197, false);
            KernelCase[] cases = {
                small.forward(true), small.backwardInput(), small.backwardWeight(false), small.add(true),
                large.forward(true), large.backwardInput(), large.backwardWeight(false),
                new LinearCase(1, 7, 17, 33, false).activate(Activation.GELU, true, true),
                new LinearCase(1, 7, 17, 33, false).backwardInput(Activation.GELU),
                new LinearCase(1, 8, 128, 4, false).forward(true) // in parts along K
            };
            Set<String> kernels = new TreeSet<>();
            for (KernelCase kernelCase : cases) {
                CaseRunner.check(kernelCase, backend);
                kernels.addAll(separate.kernelSources().keySet());
            }
            assertThat(kernels).contains(
                    "gemm_forward.cl", "gemm_backward_input.cl", "gemm_backward_weight.cl", "gemm_forward_add.cl",
                    "gemm_large_forward.cl", "gemm_large_backward_input.cl", "gemm_large_backward_weight.cl",
                    "gemm_forward_activate_gelu.cl", "gemm_backward_input_differentiate_gelu.cl", "gemm_finish.cl");
        }
    }
}
