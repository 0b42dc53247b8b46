// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.BackendOptions;
import java.util.Arrays;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

class SteadySourcesTest {
    @Test
    void theTypesOfVariablesHaveTheSameHashesInEveryProcess() throws ClassNotFoundException {
        try (TornadoBackend backend = (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS)) {
            Assumptions.assumeTrue(
                    backend.target().language() == TornadoVMBackendType.OPENCL, "the device has no OpenCL driver");
        }
        int[] hashes = Arrays.stream(Class.forName(SteadySources.TYPES.getFirst()).getEnumConstants())
                .mapToInt(System::identityHashCode).toArray();
        assertThat(hashes).hasSizeGreaterThan(20).isSorted();
        // Another thread may have asked for a hash at the same moment.
        assertThat(hashes[0] % SteadySources.START).isLessThan(8);
        assertThat(hashes[hashes.length - 1] - hashes[0]).isLessThan(hashes.length + 8);
    }
}
