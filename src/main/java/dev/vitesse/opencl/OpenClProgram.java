// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_KERNEL_WORK_GROUP_SIZE;
import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clGetKernelWorkGroupInfo;
import static org.jocl.CL.clReleaseKernel;
import static org.jocl.CL.clSetKernelArg;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.Program;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_program;
import org.jspecify.annotations.Nullable;

/** Launches with their kernels compiled and arguments set: running is enqueueing them, nothing else. */
final class OpenClProgram implements Program {
    private final OpenClRuntime runtime;
    private final String name;
    private final List<Prepared> prepared = new ArrayList<>();
    private final Set<OpenClBuffer> buffers = new LinkedHashSet<>();
    private final @Nullable OpenClBuffer scratch;
    private final Consumer<OpenClProgram> onClose;
    private boolean closed;

    private record Prepared(cl_kernel kernel, long[] global, long[] local) {}

    /**
     * @param onClose told once when the program is closed
     */
    OpenClProgram(
            OpenClRuntime runtime,
            ProgramCache programs,
            String name,
            Recording recording,
            Consumer<OpenClProgram> onClose) {
        this.runtime = runtime;
        this.name = name;
        this.onClose = onClose;
        long scratchBytes = recording.scratchNeeded() * Float.BYTES;
        scratch = scratchBytes == 0 ? null : runtime.allocateScratch("scratch of " + name, scratchBytes);
        try {
            for (Launch launch : recording.launches()) {
                prepare(launch, programs.program(launch.file(), launch.options()));
            }
        } catch (RuntimeException e) {
            release();
            throw e;
        }
    }

    private void prepare(Launch launch, cl_program program) {
        cl_kernel kernel = runtime.create("clCreateKernel", status -> clCreateKernel(program, launch.kernel(), status));
        runtime.countLive(1);
        prepared.add(new Prepared(kernel, launch.global(), launch.local()));
        int index = 0;
        for (Object argument : launch.arguments()) {
            switch (argument) {
                case Integer value -> set(kernel, index++, Sizeof.cl_int, Pointer.to(new int[] {value}));
                case Float value -> set(kernel, index++, Sizeof.cl_float, Pointer.to(new float[] {value}));
                case Launch.TensorArgument(Operand operand) -> {
                    cl_mem memory = memory(operand);
                    set(kernel, index++, Sizeof.cl_mem, memory == null ? null : Pointer.to(memory));
                    long start = operand == null ? 0 : operand.start();
                    set(kernel, index++, Sizeof.cl_ulong, Pointer.to(new long[] {start}));
                }
                default -> throw new IllegalStateException("argument of an unknown type: " + argument);
            }
        }
        checkGroup(launch, kernel);
    }

    private @Nullable cl_mem memory(@Nullable Operand operand) {
        OpenClBuffer buffer = switch (operand) {
            case null -> null;
            case OpenClTensor tensor -> tensor.buffer();
            case Operand.Scratch part -> scratch;
        };
        if (buffer == null) {
            return null;
        }
        buffers.add(buffer);
        return buffer.memory();
    }

    private void set(cl_kernel kernel, int index, long size, @Nullable Pointer value) {
        runtime.call("clSetKernelArg", () -> clSetKernelArg(kernel, index, size, value));
    }

    /** A kernel may take fewer work-items than the device, if it needs many registers. */
    private void checkGroup(Launch launch, cl_kernel kernel) {
        long[] most = new long[1];
        runtime.call("clGetKernelWorkGroupInfo", () -> clGetKernelWorkGroupInfo(kernel, runtime.device().handle(),
                CL_KERNEL_WORK_GROUP_SIZE, Sizeof.size_t, Pointer.to(most), null));
        long items = Arrays.stream(launch.local()).reduce(1, (a, b) -> a * b);
        if (items > most[0]) {
            throw new DeviceException("OpenCL device " + runtime.device().name() + " runs kernel " + launch.kernel()
                    + " with at most " + most[0] + " work-items in a group, but its sizes need " + items
                    + ": choose another device");
        }
    }

    @Override
    public OptionalLong runTimed() {
        checkOpen();
        try (OpenClTimer timer = new OpenClTimer(runtime)) {
            for (Prepared launch : prepared) {
                timer.run(launch.kernel(), launch.global(), launch.local());
            }
            return OptionalLong.of(timer.nanos());
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("program " + name + " has been closed");
        }
        // Kernels do not keep their buffers alive: a closed one would crash the driver.
        buffers.forEach(OpenClBuffer::memory);
    }

    @Override
    public void run() {
        checkOpen();
        for (Prepared launch : prepared) {
            runtime.enqueue(launch.kernel(), launch.global(), launch.local());
        }
        runtime.flush();
    }

    @Override
    public void close() {
        if (!closed) {
            release();
            onClose.accept(this);
        }
    }

    private void release() {
        closed = true;
        for (Prepared launch : prepared) {
            clReleaseKernel(launch.kernel());
            runtime.countLive(-1);
        }
        if (scratch != null) {
            scratch.close();
        }
    }
}
