// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.DeviceMemory;
import dev.vitesse.train.TrainingStep;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whatever is made is released: memory and handles stay level however often. */
class OpenClLifecycleTest {
    private static final long MAY_GROW = 32 << 20;

    private OpenClDevice device;

    @BeforeEach
    void findDevice() {
        device = TestDevices.require();
    }

    @Test
    void fourHundredModelsComeAndGo() throws IOException {
        try (OpenClBackend backend = OpenClBackend.open(device)) {
            cycle(backend, 40);
            int objects = backend.liveObjects();
            long bytes = backend.allocatedBytes();
            long resident = residentBytes();
            cycle(backend, 400);
            assertThat(backend.liveObjects()).isEqualTo(objects);
            assertThat(backend.allocatedBytes()).isEqualTo(bytes);
            assertThat(residentBytes() - resident).isLessThan(MAY_GROW);
        }
    }

    /** A mebibyte of tensors and a program with scratch; what is not closed goes with the backend. */
    private static void cycle(OpenClBackend backend, int times) {
        for (int i = 0; i < times; i++) {
            try (Tensor x = backend.tensor("x", 1 << 18);
                    Tensor sum = backend.tensor("sum", 1);
                    Program program = backend.record("program", k -> {
                        k.fill(x, 1);
                        k.residualAdd(x, x, x, null, Dropout.NONE, null);
                        k.sumOfSquares(sum, x);
                    })) {
                program.run();
                assertThat(sum.toFloats()).containsExactly(4 << 18);
            }
        }
    }

    @Test
    void backendsComeAndGo() throws IOException {
        // PoCL keeps the first twenty or so contexts of its compiler for the next ones.
        openAndClose(30);
        long resident = residentBytes();
        openAndClose(40);
        assertThat(residentBytes() - resident).isLessThan(MAY_GROW);
    }

    /** Leaves it to the backend to release tensor and program. */
    private void openAndClose(int times) {
        for (int i = 0; i < times; i++) {
            OpenClBackend backend = OpenClBackend.open(device);
            try (backend) {
                Tensor x = backend.tensor("x", 1 << 18);
                backend.record("fill", k -> k.fill(x, 1)).run();
            }
            assertThat(backend.liveObjects()).isZero();
            assertThat(backend.allocatedBytes()).isZero();
        }
    }

    /** To the byte: tensors and the scratch memory that operations share. */
    @Test
    void memoryIsKnownBeforeItIsAllocated() {
        VitConfig config = VitConfig.preset("lightvit");
        OptimizerRule rule = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);
        try (OpenClBackend backend = OpenClBackend.open(device)) {
            long before = backend.allocatedBytes();
            long planned = DeviceMemory.ofTraining(config, 4, rule, 3, backend);
            assertThat(backend.allocatedBytes()).isEqualTo(before);
            try (VisionTransformer model = new VisionTransformer(config, backend);
                    TrainingStep step = new TrainingStep(model, 4, rule, 1, 0);
                    Inference inference = model.inference(3)) {
                assertThat(backend.allocatedBytes() - before).isEqualTo(planned);
            }
            assertThat(backend.allocatedBytes()).isEqualTo(before);
        }
    }

    private static long residentBytes() throws IOException {
        Path status = Path.of("/proc/self/status");
        Assumptions.assumeTrue(Files.isReadable(status), "this system does not tell a process's memory in /proc");
        System.gc();
        String line = Files.readAllLines(status).stream()
                .filter(text -> text.startsWith("VmRSS:")).findFirst().orElseThrow();
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }
}
