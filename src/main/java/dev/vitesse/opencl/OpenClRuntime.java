// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_CONTEXT_PLATFORM;
import static org.jocl.CL.CL_DEVICE_NOT_AVAILABLE;
import static org.jocl.CL.CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
import static org.jocl.CL.CL_INVALID_COMMAND_QUEUE;
import static org.jocl.CL.CL_INVALID_CONTEXT;
import static org.jocl.CL.CL_INVALID_DEVICE;
import static org.jocl.CL.CL_MEM_OBJECT_ALLOCATION_FAILURE;
import static org.jocl.CL.CL_MEM_READ_WRITE;
import static org.jocl.CL.CL_OUT_OF_HOST_MEMORY;
import static org.jocl.CL.CL_OUT_OF_RESOURCES;
import static org.jocl.CL.CL_SUCCESS;
import static org.jocl.CL.clCreateBuffer;
import static org.jocl.CL.clCreateCommandQueue;
import static org.jocl.CL.clCreateContext;
import static org.jocl.CL.clEnqueueFillBuffer;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clEnqueueReadBuffer;
import static org.jocl.CL.clEnqueueWriteBuffer;
import static org.jocl.CL.clFinish;
import static org.jocl.CL.clFlush;
import static org.jocl.CL.clReleaseCommandQueue;
import static org.jocl.CL.clReleaseContext;
import static org.jocl.CL.clReleaseMemObject;

import dev.vitesse.backend.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.function.Function;
import java.util.function.IntSupplier;
import java.util.function.ObjLongConsumer;
import org.jocl.CL;
import org.jocl.Pointer;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;
import org.jocl.cl_kernel;
import org.jocl.cl_mem;
import org.jspecify.annotations.Nullable;

/**
 * One context and one in-order queue on one device; every OpenCL call that can fail goes through here, and fails with a
 * {@link DeviceException}. Commands run in the order in which they were enqueued, so nothing waits but reads.
 */
final class OpenClRuntime implements AutoCloseable {
    /** Transfers from and to the heap pass through a direct buffer of this size. */
    private static final int STAGING_BYTES = 4 << 20;

    private static final Pointer ZERO = Pointer.to(new byte[4]);

    private final OpenClDevice device;
    private final Faults faults;
    private final cl_context context;
    private final cl_command_queue queue;
    private final Arena stagingArena = Arena.ofShared();
    private final ByteBuffer staging = stagingArena.allocate(STAGING_BYTES).asByteBuffer();
    private @Nullable String lost;
    private long allocatedBytes;
    private int liveObjects;
    private boolean closed;

    OpenClRuntime(OpenClDevice device, Faults faults) {
        this.device = device;
        this.faults = faults;
        cl_context_properties properties = new cl_context_properties();
        properties.addProperty(CL_CONTEXT_PLATFORM, device.platform());
        cl_device_id[] handles = {device.handle()};
        try {
            context = create("clCreateContext", status -> clCreateContext(properties, 1, handles, null, null, status));
            queue = createQueue();
        } catch (DeviceException e) {
            stagingArena.close();
            throw e;
        }
    }

    @SuppressWarnings("deprecation") // the call that replaces it is OpenCL 2.0's
    private cl_command_queue createQueue() {
        try {
            return create("clCreateCommandQueue", status -> clCreateCommandQueue(context, device.handle(), 0, status));
        } catch (DeviceException e) {
            clReleaseContext(context);
            throw e;
        }
    }

    OpenClDevice device() {
        return device;
    }

    cl_context context() {
        return context;
    }

    /** Bytes of device memory held by buffers. */
    long allocatedBytes() {
        return allocatedBytes;
    }

    /** Buffers, programs and kernels that exist. */
    int liveObjects() {
        return liveObjects;
    }

    /** Calls OpenCL. */
    void call(String name, IntSupplier body) {
        requireOpen(name);
        int status = faults.statusOf(name);
        if (status == CL_SUCCESS) {
            status = body.getAsInt();
        }
        if (status != CL_SUCCESS) {
            throw failure(name, status);
        }
    }

    /** Calls OpenCL for a new object, counted in {@link #liveObjects} by whoever keeps it. */
    <T> T create(String name, Function<int[], T> body) {
        requireOpen(name);
        int[] status = {faults.statusOf(name)};
        T object = status[0] == CL_SUCCESS ? body.apply(status) : null;
        if (status[0] != CL_SUCCESS || object == null) {
            throw failure(name, status[0]);
        }
        return object;
    }

    void countLive(int change) {
        liveObjects += change;
    }

    private void requireOpen(String call) {
        if (lost != null) {
            throw new DeviceException(lost);
        }
        if (closed) {
            throw new IllegalStateException("OpenCL device " + device.name() + " has been closed (" + call + ")");
        }
    }

    private DeviceException failure(String call, int status) {
        String reason = call + ": " + CL.stringFor_errorCode(status);
        return switch (status) {
            case CL_DEVICE_NOT_AVAILABLE, CL_INVALID_COMMAND_QUEUE, CL_INVALID_CONTEXT, CL_INVALID_DEVICE,
                    CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, CL_OUT_OF_RESOURCES -> {
                lost = "OpenCL device " + device.name() + " was lost (" + reason
                        + "): what it held is gone; open it again, or use --device cpu";
                yield new DeviceException(lost);
            }
            case CL_MEM_OBJECT_ALLOCATION_FAILURE, CL_OUT_OF_HOST_MEMORY -> new OutOfMemory(reason);
            default -> new DeviceException("OpenCL device " + device.name() + " failed (" + reason + ")");
        };
    }

    /** Memory that the driver could not give; whoever asked for it knows how much it was. */
    static final class OutOfMemory extends DeviceException {
        private static final long serialVersionUID = 1L;

        OutOfMemory(String message) {
            super(message);
        }
    }

    /**
     * A buffer filled with zeros.
     *
     * @param name what it is for, for the message
     * @throws DeviceException if the device lacks the memory
     */
    OpenClBuffer allocate(String name, long bytes) {
        return allocate(name, bytes, this::fillWithZeros);
    }

    /** The same without contents, for what is written before it is read: a sanitizer then knows that it is not yet. */
    OpenClBuffer allocateScratch(String name, long bytes) {
        return allocate(name, bytes, (memory, size) -> read(memory, 0, MemorySegment.ofArray(new int[1])));
    }

    private void fillWithZeros(cl_mem memory, long size) {
        call("clEnqueueFillBuffer", () -> clEnqueueFillBuffer(queue, memory, ZERO, 1, 0, size, 0, null, null));
        finish();
    }

    /**
     * A buffer.
     *
     * @param touch uses it, given its size in bytes: drivers allocate late, and else a later kernel would fail
     */
    private OpenClBuffer allocate(String name, long bytes, ObjLongConsumer<cl_mem> touch) {
        requireOpen("clCreateBuffer");
        // Some drivers promise more than they have; then the touch fails, or the machine swaps.
        long available = Math.min(device.memoryBytes() - allocatedBytes, device.largestBufferBytes());
        if (bytes > available) {
            throw outOfMemory(name, bytes, available, "");
        }
        long size = Math.max(bytes, Float.BYTES);
        cl_mem memory = null;
        try {
            memory = create("clCreateBuffer", status -> clCreateBuffer(context, CL_MEM_READ_WRITE, size, null, status));
            touch.accept(memory, size);
        } catch (OutOfMemory e) {
            release(memory);
            throw outOfMemory(name, bytes, available, ", and the driver refused (" + e.getMessage() + ")");
        } catch (DeviceException e) {
            release(memory);
            throw e;
        }
        allocatedBytes += size;
        liveObjects++;
        return new OpenClBuffer(this, memory, size, name);
    }

    private static void release(@Nullable cl_mem memory) {
        if (memory != null) {
            clReleaseMemObject(memory);
        }
    }

    private DeviceException outOfMemory(String name, long bytes, long available, String more) {
        return new DeviceException(String.format(
                "%s needs %d bytes on OpenCL device %s, which has %d available (%d of %d in use, at most %d in one"
                        + " buffer)%s: use a smaller batch or model",
                name, bytes, device.name(), available, allocatedBytes, device.memoryBytes(),
                device.largestBufferBytes(), more));
    }

    /** Releases a buffer; commands that use it and have been enqueued still run. */
    void free(cl_mem memory, long bytes) {
        clReleaseMemObject(memory);
        allocatedBytes -= bytes;
        liveObjects--;
    }

    /** Copies {@code source} to {@code memory} from {@code offset} (bytes) on and waits until it is there. */
    void write(cl_mem memory, long offset, MemorySegment source) {
        transfer(source, (done, part, direct) -> {
            if (direct == staging) {
                MemorySegment.ofBuffer(staging).asSlice(0, part.byteSize()).copyFrom(part);
            }
            call("clEnqueueWriteBuffer", () -> clEnqueueWriteBuffer(
                    queue, memory, true, offset + done, part.byteSize(), Pointer.to(direct), 0, null, null));
        });
    }

    /** Waits for all that was enqueued and copies {@code memory} from {@code offset} (bytes) on to {@code target}. */
    void read(cl_mem memory, long offset, MemorySegment target) {
        transfer(target, (done, part, direct) -> {
            call("clEnqueueReadBuffer", () -> clEnqueueReadBuffer(
                    queue, memory, true, offset + done, part.byteSize(), Pointer.to(direct), 0, null, null));
            if (direct == staging) {
                part.copyFrom(MemorySegment.ofBuffer(staging).asSlice(0, part.byteSize()));
            }
        });
    }

    /** A part of a transfer: bytes done before, the host's memory, and a direct buffer that is it or stands for it. */
    private interface Part {
        void copy(long done, MemorySegment part, ByteBuffer direct);
    }

    /** Native memory is handed to OpenCL as it is, heap arrays through the staging buffer: they are never pinned. */
    private void transfer(MemorySegment host, Part action) {
        long largest = host.isNative() ? Integer.MAX_VALUE & ~63 : STAGING_BYTES;
        for (long done = 0; done < host.byteSize(); done += largest) {
            MemorySegment part = host.asSlice(done, Math.min(largest, host.byteSize() - done));
            action.copy(done, part, host.isNative() ? part.asByteBuffer() : staging);
        }
    }

    void enqueue(cl_kernel kernel, long[] global, long[] local) {
        call("clEnqueueNDRangeKernel", () ->
                clEnqueueNDRangeKernel(queue, kernel, global.length, null, global, local, 0, null, null));
    }

    /** Makes the device start on what was enqueued. */
    void flush() {
        call("clFlush", () -> clFlush(queue));
    }

    /** Waits until the device is done. */
    void finish() {
        call("clFinish", () -> clFinish(queue));
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            clFinish(queue);
            clReleaseCommandQueue(queue);
            clReleaseContext(context);
            stagingArena.close();
        }
    }
}
