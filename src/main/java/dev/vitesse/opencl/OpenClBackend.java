// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;

/** One opened OpenCL device. */
public final class OpenClBackend implements Backend {
    private final OpenClRuntime runtime;
    private final ProgramCache programs;
    private final Tuning tuning;
    private final Set<OpenClTensor> tensors = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Set<OpenClProgram> recorded = Collections.newSetFromMap(new IdentityHashMap<>());

    private OpenClBackend(OpenClRuntime runtime, Tuning tuning) {
        this.runtime = runtime;
        this.tuning = tuning;
        programs = new ProgramCache(runtime, ProgramCache.directory(runtime.device()));
    }

    /**
     * Opens {@code device} with the sizes tuned for it and makes sure that it compiles and computes.
     *
     * @throws DeviceException if it does not
     */
    static OpenClBackend open(OpenClDevice device) {
        return open(device, Tuning.of(device), Faults.NONE);
    }

    static OpenClBackend open(OpenClDevice device, Tuning tuning, Faults faults) {
        OpenClBackend backend = new OpenClBackend(new OpenClRuntime(device, faults), tuning);
        try {
            backend.selfTest();
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
        return backend;
    }

    /** A driver may list a device and still neither compile for it nor compute on it; better to know before a model. */
    private void selfTest() {
        float[] values = new float[5];
        try (Tensor tensor = tensor("self test", ElementType.FLOAT32, values.length);
                Program program = record("self test", k -> k.fill(tensor, 2.5f))) {
            program.run();
            tensor.read(values);
        }
        for (float value : values) {
            if (value != 2.5f) {
                throw new DeviceException("OpenCL device " + runtime.device().name()
                        + " computes wrongly: a kernel that fills a buffer left " + Arrays.toString(values));
            }
        }
    }

    @Override
    public String name() {
        OpenClDevice device = runtime.device();
        return "opencl (" + device.name() + ", " + device.computeUnits() + " compute units)";
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        tensors.removeIf(tensor -> tensor.buffer().isClosed());
        OpenClTensor tensor = OpenClTensor.create(runtime, name, type, shape);
        tensors.add(tensor);
        return tensor;
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        Recording recording = new Recording(runtime.device(), runtime, tuning);
        body.accept(new OpenClRecorder(recording));
        OpenClProgram program = new OpenClProgram(runtime, programs, name, recording, recorded::remove);
        recorded.add(program);
        return program;
    }

    /** One buffer holds all of a program: each operation takes what the one before no longer needs. */
    @Override
    public long scratchBytes(Consumer<Kernels> body) {
        Recording plan = new Recording(runtime.device(), null, tuning);
        body.accept(new OpenClRecorder(plan));
        return plan.scratchNeeded() * Float.BYTES;
    }

    @Override
    public OptionalLong memoryBytes() {
        return OptionalLong.of(runtime.device().memoryBytes());
    }

    /** Bytes of device memory that tensors and programs hold. */
    public long allocatedBytes() {
        return runtime.allocatedBytes();
    }

    /** Buffers, kernels and programs that have not been released. */
    int liveObjects() {
        return runtime.liveObjects();
    }

    OpenClRuntime runtime() {
        return runtime;
    }

    ProgramCache programs() {
        return programs;
    }

    @Override
    public void close() {
        List.copyOf(recorded).forEach(OpenClProgram::close);
        tensors.forEach(OpenClTensor::close);
        tensors.clear();
        programs.close();
        runtime.close();
    }
}
