// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT;
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
    private static final int CHAINS = 10;

    /** Of OpenCL's vectors; a CPU's own have so many, a GPU's work-items compute them one after the other. */
    private static final int FEWEST_LANES = 4;
    private static final int MOST_LANES = 16;
    private static final int GROUP = 64;
    private static final int GROUPS_PER_UNIT = 64;
    private static final int FIRST_ITERATIONS = 256;
    private static final long LONG_ENOUGH_NANOS = 10_000_000;
    /** Of all runs together: on a CPU other threads disturb some. */
    private static final long ENOUGH_NANOS = 700_000_000;

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
            int lanes = Math.clamp(
                    DeviceQuery.integer(device.handle(), CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT), FEWEST_LANES, MOST_LANES);
            cl_program program = runtime.create("clCreateProgramWithSource", status ->
                    clCreateProgramWithSource(runtime.context(), 1, new String[] {source(lanes)}, null, status));
            runtime.call("clBuildProgram", () -> clBuildProgram(program, 0, null, "", null, null));
            cl_kernel kernel = runtime.create("clCreateKernel", status -> clCreateKernel(program, "peak", status));
            long items = (long) device.computeUnits() * GROUPS_PER_UNIT * GROUP;
            cl_mem output = runtime.create("clCreateBuffer", status ->
                    clCreateBuffer(runtime.context(), CL_MEM_READ_WRITE, items * Float.BYTES, null, status));
            runtime.call("clSetKernelArg", () ->
                    clSetKernelArg(kernel, 0, Sizeof.cl_mem, Pointer.to(output)));
            try {
                return lanes * best(runtime, kernel, items);
            } finally {
                clReleaseMemObject(output);
                clReleaseKernel(kernel);
                clReleaseProgram(program);
            }
        }
    }

    /** FLOPs per nanosecond in each lane, of the fastest of some runs that are long enough to be measured. */
    private static double best(OpenClRuntime runtime, cl_kernel kernel, long items) {
        int iterations = FIRST_ITERATIONS;
        long nanos = time(runtime, kernel, items, iterations);
        while (nanos < LONG_ENOUGH_NANOS && iterations < 1 << 24) {
            iterations *= 4;
            nanos = time(runtime, kernel, items, iterations);
        }
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < ENOUGH_NANOS) {
            nanos = Math.min(nanos, time(runtime, kernel, items, iterations));
        }
        return 2.0 * CHAINS * iterations * items / nanos;
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
    private static String source(int lanes) {
        StringBuilder chains = new StringBuilder();
        StringBuilder steps = new StringBuilder();
        StringBuilder sum = new StringBuilder();
        for (int i = 0; i < CHAINS; i++) {
            chains.append("    floatN c").append(i).append(" = (floatN)(x + ").append(i).append(".0f);\n");
            steps.append("        c").append(i).append(" = fma(a, b, c").append(i).append(");\n");
            sum.append(i == 0 ? "" : " + ").append("c").append(i);
        }
        StringBuilder total = new StringBuilder();
        for (int i = 0; i < lanes; i++) {
            total.append(i == 0 ? "" : " + ").append("sum.s").append(Integer.toHexString(i));
        }
        return """
                typedef float%d floatN;
                kernel void peak(global float *out, int iterations) {
                    float x = (float)get_global_id(0);
                    floatN a = (floatN)(0.5f);
                    floatN b = (floatN)(1.0f / (float)iterations);
                %s    for (int i = 0; i < iterations; i++) {
                %s    }
                    floatN sum = %s;
                    out[get_global_id(0)] = %s;
                }
                """.formatted(lanes, chains, steps, sum, total);
    }
}
