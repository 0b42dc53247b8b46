// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.MemoryPlan;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class MemoryCheckTest {
    /** A device that allocates nothing and has so much memory. */
    private record Sized(MemoryPlan plan, long bytes) implements Backend {
        @Override
        public String name() {
            return "sized";
        }

        @Override
        public Tensor tensor(String name, ElementType type, int... shape) {
            return plan.tensor(name, type, shape);
        }

        @Override
        public Program record(String name, Consumer<Kernels> body) {
            return plan.record(name, body);
        }

        @Override
        public OptionalLong memoryBytes() {
            return OptionalLong.of(bytes);
        }

        @Override
        public void close() {}
    }

    private static void check(Workload workload, long mebibytes) {
        MemoryCheck.check(List.of(workload), "opencl", new Sized(new MemoryPlan(null), mebibytes << 20));
    }

    @Test
    void whatFitsIsLetThrough() {
        assertThatCode(() -> check(Workload.inference("b/16", 8), 800)).doesNotThrowAnyException();
        try (Backend cpu = Backends.open("cpu")) {
            assertThatCode(() -> MemoryCheck.check(Suites.preset("lightvit", List.of(1, 8), false), "cpu", cpu))
                    .doesNotThrowAnyException();
        }
    }

    @Test
    void whatDoesNotIsRefusedInOneLine() {
        assertThatThrownBy(() -> check(Workload.inference("b/16", 512), 2048)).isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("inference b/16 b=512 needs ").hasMessageContaining("MiB on opencl, which has 2,048")
                .hasMessageContaining("--batch").hasMessageNotContaining("\n");
        assertThatThrownBy(() -> check(Workload.training("b/16", 8), 1000)).isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("training b/16 b=8 needs ");
        assertThatThrownBy(() -> check(Suites.preset("b/16", List.of(8), false).getLast(), 0))
                .isInstanceOf(DeviceException.class).hasMessageStartingWith("kernel b/16 b=8 ");
    }

    @Test
    void soIsABatchThatIsTooLargeToBeHandedOver() {
        assertThatThrownBy(() -> check(Workload.inference("b/16", 4096), 1 << 20)).isInstanceOf(DeviceException.class)
                .hasMessageStartingWith("the images of inference b/16 b=4096 take 2,352 MiB");
        assertThatThrownBy(() -> check(Workload.inference("lightvit", Integer.MAX_VALUE), 1 << 20))
                .isInstanceOf(DeviceException.class).hasMessageContaining("--batch");
    }
}
