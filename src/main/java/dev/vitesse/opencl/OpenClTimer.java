// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_PROFILING_COMMAND_END;
import static org.jocl.CL.CL_PROFILING_COMMAND_START;
import static org.jocl.CL.CL_QUEUE_PROFILING_ENABLE;
import static org.jocl.CL.clCreateCommandQueue;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clFinish;
import static org.jocl.CL.clGetEventProfilingInfo;
import static org.jocl.CL.clReleaseCommandQueue;
import static org.jocl.CL.clReleaseEvent;

import java.util.ArrayList;
import java.util.List;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_event;
import org.jocl.cl_kernel;

/** Runs kernels in a queue of its own whose events tell when each began and ended by the device's clock. */
final class OpenClTimer implements AutoCloseable {
    private final OpenClRuntime runtime;
    private final cl_command_queue queue;
    private final List<cl_event> events = new ArrayList<>();

    /** Waits until the device has done what was enqueued before. */
    @SuppressWarnings("deprecation") // the call that replaces it is OpenCL 2.0's
    OpenClTimer(OpenClRuntime runtime) {
        this.runtime = runtime;
        runtime.finish();
        queue = runtime.create("clCreateCommandQueue", status -> clCreateCommandQueue(
                runtime.context(), runtime.device().handle(), CL_QUEUE_PROFILING_ENABLE, status));
    }

    void run(cl_kernel kernel, long[] global, long[] local) {
        cl_event event = new cl_event();
        runtime.call("clEnqueueNDRangeKernel", () ->
                clEnqueueNDRangeKernel(queue, kernel, global.length, null, global, local, 0, null, event));
        events.add(event);
    }

    /** Waits; the sum of what the kernels took. */
    long nanos() {
        runtime.call("clFinish", () -> clFinish(queue));
        long sum = 0;
        for (cl_event event : events) {
            sum += time(event, CL_PROFILING_COMMAND_END) - time(event, CL_PROFILING_COMMAND_START);
        }
        return sum;
    }

    private long time(cl_event event, int what) {
        long[] nanos = new long[1];
        runtime.call("clGetEventProfilingInfo", () ->
                clGetEventProfilingInfo(event, what, Sizeof.cl_ulong, Pointer.to(nanos), null));
        return nanos[0];
    }

    @Override
    public void close() {
        events.forEach(event -> clReleaseEvent(event));
        clReleaseCommandQueue(queue);
    }
}
