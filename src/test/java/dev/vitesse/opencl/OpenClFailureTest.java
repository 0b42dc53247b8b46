// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.HashMap;
import java.util.Map;
import org.jocl.CL;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a driver may refuse: each is a {@link DeviceException} that says in one line what happened. */
class OpenClFailureTest {
    /** The status that calls of a name fail with, from when it is put here. */
    private final Map<String, Integer> faults = new HashMap<>();

    private OpenClDevice device;

    @BeforeEach
    void findDevice() {
        device = TestDevices.require();
    }

    private OpenClBackend open() {
        return OpenClBackend.open(
                device, Tuning.of(device), call -> faults.getOrDefault(call, CL.CL_SUCCESS));
    }

    @Test
    void aBuildThatFailsCarriesTheCompilersLog() {
        try (OpenClBackend backend = open()) {
            int objects = backend.liveObjects();
            assertThatExceptionOfType(DeviceException.class)
                    .isThrownBy(() -> backend.programs().program("broken", "-cl-std=CL1.2"))
                    .withMessageStartingWith("OpenCL device " + device.name() + " failed (clBuildProgram: ")
                    .withMessageContaining("compiling broken.cl with -cl-std=CL1.2; the compiler says:\n")
                    .withMessageContaining("undeclared_name");
            assertThat(backend.liveObjects()).isEqualTo(objects);
        }
    }

    /** Opening compiles and runs a kernel, so that a device that cannot do so is known before there is a model. */
    @Test
    void aDeviceThatCannotCompileDoesNotOpen() {
        faults.put("clBuildProgram", CL.CL_BUILD_PROGRAM_FAILURE);
        assertThatExceptionOfType(DeviceException.class).isThrownBy(this::open)
                .withMessageContaining("clBuildProgram: CL_BUILD_PROGRAM_FAILURE")
                .withMessageContaining("compiling optimizer.cl");
    }

    @Test
    void aLostDeviceSaysSoFromThenOnAndCanBeOpenedAgain() {
        try (OpenClBackend backend = open();
                Tensor x = backend.tensor("x", 5);
                Program fill = backend.record("fill", k -> k.fill(x, 3))) {
            fill.run();
            faults.put("clEnqueueNDRangeKernel", CL.CL_OUT_OF_RESOURCES);
            String message = "OpenCL device " + device.name() + " was lost (clEnqueueNDRangeKernel: CL_OUT_OF_RESOURCES):"
                    + " what it held is gone; open it again, or use --device cpu";
            assertThatThrownBy(fill::run).isInstanceOf(DeviceException.class).hasMessage(message);
            faults.clear();
            assertThatThrownBy(x::toFloats).isInstanceOf(DeviceException.class).hasMessage(message);
            assertThatThrownBy(() -> backend.tensor("y", 1)).isInstanceOf(DeviceException.class).hasMessage(message);
        }
        try (OpenClBackend backend = open();
                Tensor x = backend.tensor("x", 5);
                Program fill = backend.record("fill", k -> k.fill(x, 3))) {
            fill.run();
            assertThat(x.toFloats()).containsOnly(3);
        }
    }

    @Test
    void moreMemoryThanThereIsIsRefusedWithBytesAskedAndAvailable() {
        try (OpenClBackend backend = open()) {
            long allocated = backend.allocatedBytes();
            long available = Math.min(device.memoryBytes() - allocated, device.largestBufferBytes());
            int rows = (int) (device.memoryBytes() >> 20) + 1;
            assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> backend.tensor("large", rows, 1 << 18))
                    .withMessageStartingWith("large needs " + ((long) rows << 20) + " bytes on OpenCL device "
                            + device.name() + ", which has " + available + " available")
                    .withMessageEndingWith(": use a smaller batch or model")
                    .withMessageNotContaining("\n");
            assertThat(backend.allocatedBytes()).isEqualTo(allocated);
            assertThat(backend.tensor("small", 3).toFloats()).containsOnly(0);
        }
    }

    /** Drivers refuse when a buffer is created, or when it is used for the first time. */
    @Test
    void aRefusalOfTheDriverSaysTheSame() {
        try (OpenClBackend backend = open()) {
            long allocated = backend.allocatedBytes();
            for (String call : new String[] {"clCreateBuffer", "clEnqueueFillBuffer"}) {
                faults.put(call, CL.CL_MEM_OBJECT_ALLOCATION_FAILURE);
                assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> backend.tensor("x", 7))
                        .withMessageStartingWith("x needs 28 bytes on OpenCL device ")
                        .withMessageContaining("the driver refused (" + call + ": CL_MEM_OBJECT_ALLOCATION_FAILURE)");
                faults.clear();
            }
            assertThat(backend.allocatedBytes()).isEqualTo(allocated);
            assertThat(backend.tensor("x", 7).toFloats()).containsOnly(0);
        }
    }

    @Test
    void closedThingsSaySo() {
        OpenClBackend backend = open();
        Tensor x = backend.tensor("x", 3);
        Program fill = backend.record("fill", k -> k.fill(x, 1));
        x.close();
        assertThatThrownBy(fill::run).isInstanceOf(IllegalStateException.class).hasMessage("tensor x has been closed");
        backend.close();
        backend.close();
        assertThatThrownBy(fill::run).isInstanceOf(IllegalStateException.class)
                .hasMessage("program fill has been closed");
        assertThatThrownBy(() -> backend.tensor("y", 1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aDeviceThatIsNotThereIsRefusedWithThoseThatAre() {
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open("opencl:99"))
                .withMessageContaining("there is no device 'opencl:99': use opencl:0 to opencl:");
        assertThatExceptionOfType(DeviceException.class).isThrownBy(() -> Backends.open("opencl:gpu"));
    }
}
