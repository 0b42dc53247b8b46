// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import org.jocl.cl_mem;

/** Device memory: what a tensor and its views share, or a program's scratch. */
final class OpenClBuffer implements AutoCloseable {
    private final OpenClRuntime runtime;
    private final cl_mem memory;
    private final long bytes;
    private final String name;
    private boolean closed;

    OpenClBuffer(OpenClRuntime runtime, cl_mem memory, long bytes, String name) {
        this.runtime = runtime;
        this.memory = memory;
        this.bytes = bytes;
        this.name = name;
    }

    OpenClRuntime runtime() {
        return runtime;
    }

    /**
     * The handle.
     *
     * @throws IllegalStateException if the buffer has been closed
     */
    cl_mem memory() {
        if (closed) {
            throw new IllegalStateException("tensor " + name + " has been closed");
        }
        return memory;
    }

    boolean isClosed() {
        return closed;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            runtime.free(memory, bytes);
        }
    }
}
