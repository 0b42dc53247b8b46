// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_MEM_READ_WRITE;
import static org.jocl.CL.clBuildProgram;
import static org.jocl.CL.clCreateBuffer;
import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clCreateProgramWithSource;
import static org.jocl.CL.clReleaseKernel;
import static org.jocl.CL.clReleaseMemObject;
import static org.jocl.CL.clReleaseProgram;
import static org.jocl.CL.clSetKernelArg;

import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jocl.cl_program;

/** How fast an OpenCL device multiplies and adds at best: chains of fused multiply-adds in registers. */
public final class OpenClPeak {
    /** Independent chains of each work-item, which hide the latency of one. */
    private static final int CHAINS = 8;

    private static final int LANES = 4;
    private static final int GROUP = 64;
    private static final int GROUPS_PER_UNIT = 64;
    private static final int FIRST_ITERATIONS = 256;
    private static final int RUNS = 5;
    private static final long LONG_ENOUGH_NANOS = 20_000_000;

    private OpenClPeak() {}

    /**
     * Measures.
     *
     * @param selector the part of the device's id after the colon
     * @return FLOPs per nanosecond
     * @throws dev.vitesse.backend.DeviceException if the device fails
     */
    public static double gigaflops(String selector) {
        OpenClDevice device = OpenClBackendProvider.select(selector);
        try (OpenClRuntime runtime = new OpenClRuntime(device, Faults.NONE)) {
            cl_program program = runtime.create("clCreateProgramWithSource", status ->
                    clCreateProgramWithSource(runtime.context(), 1, new String[] {source()}, null, status));
            runtime.call("clBuildProgram", () -> clBuildProgram(program, 0, null, "", null, null));
            cl_kernel kernel = runtime.create("clCreateKernel", status -> clCreateKernel(program, "peak", status));
            long items = (long) device.computeUnits() * GROUPS_PER_UNIT * GROUP;
            cl_mem output = runtime.create("clCreateBuffer", status ->
                    clCreateBuffer(runtime.context(), CL_MEM_READ_WRITE, items * Float.BYTES, null, status));
            runtime.call("clSetKernelArg", () ->
                    clSetKernelArg(kernel, 0, Sizeof.cl_mem, Pointer.to(output)));
            try {
                return best(runtime, kernel, items);
            } finally {
                clReleaseMemObject(output);
                clReleaseKernel(kernel);
                clReleaseProgram(program);
            }
        }
    }

    /** The fastest of some runs that are long enough to be measured. */
    private static double best(OpenClRuntime runtime, cl_kernel kernel, long items) {
        int iterations = FIRST_ITERATIONS;
        long nanos = time(runtime, kernel, items, iterations);
        while (nanos < LONG_ENOUGH_NANOS && iterations < 1 << 24) {
            iterations *= 4;
            nanos = time(runtime, kernel, items, iterations);
        }
        for (int i = 1; i < RUNS; i++) {
            nanos = Math.min(nanos, time(runtime, kernel, items, iterations));
        }
        return 2.0 * CHAINS * LANES * iterations * items / nanos;
    }

    private static long time(OpenClRuntime runtime, cl_kernel kernel, long items, int iterations) {
        runtime.call("clSetKernelArg", () ->
                clSetKernelArg(kernel, 1, Sizeof.cl_int, Pointer.to(new int[] {iterations})));
        try (OpenClTimer timer = new OpenClTimer(runtime)) {
            timer.run(kernel, new long[] {items}, new long[] {GROUP});
            return timer.nanos();
        }
    }

    /** The factors are such that nothing overflows, and known only when the kernel runs. */
    private static String source() {
        StringBuilder chains = new StringBuilder();
        StringBuilder steps = new StringBuilder();
        StringBuilder sum = new StringBuilder();
        for (int i = 0; i < CHAINS; i++) {
            chains.append("    float4 c").append(i).append(" = (float4)(x + ").append(i).append(".0f);\n");
            steps.append("        c").append(i).append(" = fma(c").append(i).append(", a, b);\n");
            sum.append(i == 0 ? "" : " + ").append("c").append(i);
        }
        return """
                kernel void peak(global float *out, int iterations) {
                    float x = (float)get_global_id(0);
                    float4 a = (float4)(0.5f + 1.0f / (float)iterations);
                    float4 b = (float4)(1.0f / (float)iterations);
                %s    for (int i = 0; i < iterations; i++) {
                %s    }
                    float4 sum = %s;
                    out[get_global_id(0)] = sum.x + sum.y + sum.z + sum.w;
                }
                """.formatted(chains, steps, sum);
    }
}
