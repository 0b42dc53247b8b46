// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.jocl.CL.CL_CONTEXT_PLATFORM;
import static org.jocl.CL.CL_DEVICE_TYPE_ALL;
import static org.jocl.CL.CL_MEM_COPY_HOST_PTR;
import static org.jocl.CL.CL_MEM_READ_WRITE;
import static org.jocl.CL.clBuildProgram;
import static org.jocl.CL.clCreateBuffer;
import static org.jocl.CL.clCreateCommandQueue;
import static org.jocl.CL.clCreateContext;
import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clCreateProgramWithSource;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clEnqueueReadBuffer;
import static org.jocl.CL.clFinish;
import static org.jocl.CL.clGetDeviceIDs;
import static org.jocl.CL.clGetPlatformIDs;
import static org.jocl.CL.clSetKernelArg;

import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jocl.CL;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_platform_id;
import org.jocl.cl_program;

/**
 * Runs programs without TornadoVM, on the first OpenCL device: the launches that this backend records, with the OpenCL C
 * that TornadoVM generated for their kernels before. So tools that TornadoVM does not take for a device see its code.
 */
final class ReplayBackend extends PlanningBackend {
    /** The name of a kernel's function, and what is between its parentheses. */
    private static final Pattern SIGNATURE = Pattern.compile("__kernel void (\\w+)\\(([^)]*)\\)");

    private final DeviceMemory memory;
    private final SanitizedCases cases;
    private final Path folder;
    private final cl_device_id device;
    private final cl_context context;
    private final cl_command_queue queue;
    private final Map<String, Kernel> kernels = new HashMap<>();

    /** A kernel and the names of its arguments. */
    private record Kernel(cl_kernel handle, String... arguments) {}

    /**
     * @param folder with a file for each kernel
     */
    static ReplayBackend open(SanitizedCases cases, Path folder) {
        return new ReplayBackend(new DeviceMemory("replay", Integer.MAX_VALUE), cases, folder);
    }

    @SuppressWarnings("deprecation") // clCreateCommandQueue, which OpenCL 1.2 has
    private ReplayBackend(DeviceMemory memory, SanitizedCases cases, Path folder) {
        super(memory);
        this.memory = memory;
        this.cases = cases;
        this.folder = folder;
        CL.setExceptionsEnabled(true);
        cl_platform_id[] platforms = new cl_platform_id[1];
        clGetPlatformIDs(1, platforms, null);
        cl_device_id[] devices = new cl_device_id[1];
        clGetDeviceIDs(platforms[0], CL_DEVICE_TYPE_ALL, 1, devices, null);
        device = devices[0];
        cl_context_properties properties = new cl_context_properties();
        properties.addProperty(CL_CONTEXT_PLATFORM, platforms[0]);
        context = clCreateContext(properties, 1, devices, null, null, null);
        queue = clCreateCommandQueue(context, device, 0, null);
    }

    /** The names of the kernels that have run. */
    Set<String> ran() {
        return new TreeSet<>(kernels.keySet());
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        Recording recording = cases.recording(memory);
        body.accept(new TaskRecorder(recording));
        recording.finish();
        return new Program() {
            @Override
            public void run() {
                replay(recording);
            }

            @Override
            public void close() {
                recording.release();
            }
        };
    }

    private void replay(Recording recording) {
        // TornadoVM's arrays begin with a header, which its code skips.
        MemorySegment floats = memory.floats().getSegmentWithHeader();
        MemorySegment ints = memory.ints().getSegmentWithHeader();
        Map<String, cl_mem> buffers = new HashMap<>(Map.of("floats", buffer(floats), "ints", buffer(ints)));
        long header = floats.byteSize() - memory.floats().getSegment().byteSize();
        for (Launch launch : recording.launches()) {
            MemorySegment parameters = MemorySegment.ofArray(new int[(int) header / Integer.BYTES + Launch.SLOT]);
            MemorySegment.copy(MemorySegment.ofArray(launch.parameters()), 0, parameters, header,
                    (long) launch.parameters().length * Integer.BYTES);
            buffers.put("p", buffer(parameters));
            buffers.put("slot", buffer(MemorySegment.ofArray(new int[(int) header / Integer.BYTES + 1])));
            run(launch, kernels.computeIfAbsent(launch.kernel().name(), this::build), buffers);
        }
        clEnqueueReadBuffer(queue, buffers.get("floats"), true, 0, floats.byteSize(), pointer(floats), 0, null, null);
    }

    private void run(Launch launch, Kernel kernel, Map<String, cl_mem> buffers) {
        for (int i = 0; i < kernel.arguments().length; i++) {
            String[] declaration = kernel.arguments()[i].strip().split("\\W+");
            String name = declaration[declaration.length - 1];
            if (declaration[0].equals("__private")) {
                // Baked into the code, which does not look at them.
                clSetKernelArg(kernel.handle(), i, Sizeof.cl_int, Pointer.to(new int[1]));
            } else if (declaration[0].equals("__local")) {
                clSetKernelArg(kernel.handle(), i, Sizeof.cl_int, null);
            } else {
                cl_mem buffer = buffers.computeIfAbsent(name, unused -> buffer(MemorySegment.ofArray(new int[16])));
                clSetKernelArg(kernel.handle(), i, Sizeof.cl_mem, Pointer.to(buffer));
            }
        }
        long[] local = {launch.kernel().localX(), launch.kernel().localY(), 1};
        long[] global = {launch.groupsX() * local[0], launch.groupsY() * local[1], launch.groupsZ()};
        clEnqueueNDRangeKernel(queue, kernel.handle(), 3, null, global, local, 0, null, null);
        clFinish(queue);
    }

    /** Never released: Oclgrind mistakes what it knew of a released buffer for the next one's. */
    private cl_mem buffer(MemorySegment content) {
        return clCreateBuffer(context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, content.byteSize(), pointer(content), null);
    }

    private static Pointer pointer(MemorySegment content) {
        return content.isNative() ? Pointer.to(content.asByteBuffer()) : Pointer.to((int[]) content.heapBase().orElseThrow());
    }

    private Kernel build(String name) {
        String source;
        try {
            source = Files.readString(folder.resolve(name + ".cl"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        cl_program program = clCreateProgramWithSource(context, 1, new String[] {source}, null, null);
        clBuildProgram(program, 1, new cl_device_id[] {device}, "-w", null, null);
        Matcher signature = SIGNATURE.matcher(source);
        if (!signature.find()) {
            throw new IllegalArgumentException(name + " has no kernel");
        }
        return new Kernel(clCreateKernel(program, signature.group(1), null), signature.group(2).split(","));
    }
}
