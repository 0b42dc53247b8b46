// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.model.Inference;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** That a closed model leaves no buffer, program or kernel on the device. */
class OpenClLeakTest {
    private static final int LOADS = 400;

    @Test
    void leavesNothingBehind() throws Exception {
        List<OpenClDevice> devices = OpenClDevices.find();
        Assumptions.assumeFalse(devices.isEmpty(), "no OpenCL device");
        Path model = Path.of(Objects.requireNonNull(getClass().getResource("/golden/tiny.timm.safetensors")).toURI());
        OpenClBackend backend = OpenClBackend.open(devices.getFirst());
        try (backend) {
            loadAndCompute(model, backend);
            int afterTheFirst = backend.liveObjects();
            long bytesAfterTheFirst = backend.runtime().allocatedBytes();
            for (int i = 1; i < LOADS; i++) {
                loadAndCompute(model, backend);
            }
            // Compiled programs stay for the next model.
            assertThat(backend.liveObjects()).isEqualTo(afterTheFirst);
            assertThat(backend.runtime().allocatedBytes()).isEqualTo(bytesAfterTheFirst);
        }
        assertThat(backend.liveObjects()).isZero();
        assertThat(backend.runtime().allocatedBytes()).isZero();
    }

    private static void loadAndCompute(Path path, OpenClBackend backend) throws Exception {
        try (LoadedModel loaded = ModelFiles.load(path, backend);
                Inference inference = loaded.model().inference(1)) {
            assertThat(inference.logits(new float[loaded.model().config().imageElements()], 1)).doesNotContain(
                    Float.NaN);
        }
    }
}
