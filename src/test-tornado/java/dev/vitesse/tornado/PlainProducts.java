// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryContext;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;

/**
 * A BLAS that stands in for cuBLAS on devices of TornadoVM's OpenCL driver: it brings the array to the host, multiplies as the
 * definition says and takes the array back.
 */
public final class PlainProducts extends LibraryProducts {
    static final String NAME = "vitesse/plain";

    /** How often it has multiplied. */
    static final List<Sgemm> CALLS = new ArrayList<>();

    private static final int CL_MEM_CONTEXT = 0x1106;
    private static final int CL_CONTEXT_DEVICES = 0x1081;

    /** No state of its own. */
    private enum Context implements LibraryContext {
        NONE
    }

    @Override
    public String libraryName() {
        return NAME;
    }

    @Override
    public boolean canHandle(TornadoXPUDevice device) {
        return true;
    }

    @Override
    public LibraryContext createContext(TornadoXPUDevice device, long executionPlanId) {
        return Context.NONE;
    }

    @Override
    public void destroyContext(LibraryContext context) {}

    @Override
    void multiply(LibraryInvocation invocation, Sgemm product, long floats) {
        CALLS.add(product);
        long header = TornadoNativeArray.ARRAY_HEADER;
        // TornadoVM adds the header to what it takes for an address; in OpenCL it is the handle of a buffer.
        MemorySegment buffer = MemorySegment.ofAddress(floats - header);
        invocation.getDevice().sync(invocation.getExecutionPlanId());
        try (Arena arena = Arena.ofConfined(); OpenCl cl = new OpenCl(buffer, arena)) {
            long bytes = ((FloatArray) invocation.getArg(0)).getNumBytesOfSegment();
            MemorySegment array = arena.allocate(bytes, Float.BYTES);
            cl.transfer("clEnqueueReadBuffer", header, array);
            multiply(product, array);
            cl.transfer("clEnqueueWriteBuffer", header, array);
        }
    }

    /** C = op(A) op(B), all stored by columns. */
    static void multiply(Sgemm g, MemorySegment floats) {
        for (int column = 0; column < g.n(); column++) {
            for (int row = 0; row < g.m(); row++) {
                double sum = 0;
                for (int i = 0; i < g.k(); i++) {
                    long a = g.transposeA() ? i + (long) row * g.lda() : row + (long) i * g.lda();
                    long b = g.transposeB() ? column + (long) i * g.ldb() : i + (long) column * g.ldb();
                    sum += (double) floats.getAtIndex(ValueLayout.JAVA_FLOAT, g.a() + a)
                            * floats.getAtIndex(ValueLayout.JAVA_FLOAT, g.b() + b);
                }
                floats.setAtIndex(ValueLayout.JAVA_FLOAT, g.c() + row + (long) column * g.ldc(), (float) sum);
            }
        }
    }

    /** A queue of its own on the device of a buffer. */
    private static final class OpenCl implements AutoCloseable {
        private final SymbolLookup library;
        private final MemorySegment buffer;
        private final MemorySegment queue;

        OpenCl(MemorySegment buffer, Arena arena) {
            library = SymbolLookup.libraryLookup("libOpenCL.so.1", arena);
            this.buffer = buffer;
            MemorySegment handle = arena.allocate(ValueLayout.ADDRESS);
            query("clGetMemObjectInfo", buffer, CL_MEM_CONTEXT, handle);
            MemorySegment context = handle.get(ValueLayout.ADDRESS, 0);
            query("clGetContextInfo", context, CL_CONTEXT_DEVICES, handle);
            queue = (MemorySegment) call(
                    function("clCreateCommandQueue", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS,
                            ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS)),
                    context, handle.get(ValueLayout.ADDRESS, 0), 0L, MemorySegment.NULL);
        }

        private void query(String name, MemorySegment object, int what, MemorySegment result) {
            check(name, call(
                    function(name, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_INT,
                            ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.ADDRESS)),
                    object, what, result.byteSize(), result, MemorySegment.NULL));
        }

        /** Copies all of {@code array} from or to where it starts in the buffer, and waits. */
        void transfer(String name, long start, MemorySegment array) {
            check(name, call(
                    function(name, FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS,
                            ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS,
                            ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS)),
                    queue, buffer, 1, start, array.byteSize(), array, 0, MemorySegment.NULL, MemorySegment.NULL));
        }

        private MethodHandle function(String name, FunctionDescriptor descriptor) {
            return Linker.nativeLinker().downcallHandle(library.find(name).orElseThrow(), descriptor);
        }

        private static Object call(MethodHandle function, Object... arguments) {
            try {
                return function.invokeWithArguments(arguments);
            } catch (Throwable e) {
                throw new IllegalStateException(e);
            }
        }

        private static void check(String name, Object status) {
            if (!status.equals(0)) {
                throw new IllegalStateException(name + " returned " + status);
            }
        }

        @Override
        public void close() {
            check("clReleaseCommandQueue", call(
                    function("clReleaseCommandQueue", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS)),
                    queue));
        }
    }
}
