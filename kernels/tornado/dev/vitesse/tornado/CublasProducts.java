// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice;
import uk.ac.manchester.tornado.runtime.library.LibraryRegistry;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryContext;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoLibraryProvider;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoNativeStreamSupport;

/** NVIDIA's cuBLAS through TornadoVM's binding of it, in float32. */
public class CublasProducts extends LibraryProducts {
    static final String NAME = "vitesse/cublas";

    private static final String CUBLAS = "nvidia/cublas";

    /** CUBLAS_OP_N and CUBLAS_OP_T. */
    private static final int PLAIN = 0;

    private static final int TRANSPOSED = 1;

    /** What TornadoVM has made for cuBLAS. */
    private record Delegate(TornadoLibraryProvider provider, LibraryContext context) implements LibraryContext {}

    @Override
    public String libraryName() {
        return NAME;
    }

    @Override
    public final boolean canHandle(TornadoXPUDevice device) {
        return device instanceof TornadoNativeStreamSupport; // TornadoVM's CUDA devices
    }

    /**
     * Makes sure that TornadoVM's binding is there, because TornadoVM hides why a graph with such a task fails.
     *
     * @throws DeviceException if it is not, with the reason
     */
    static void check(TornadoTarget target) {
        try {
            LibraryRegistry.findProvider(CUBLAS, (TornadoXPUDevice) target.device());
        } catch (RuntimeException e) {
            throw target.failure("cuBLAS", e);
        }
    }

    @Override
    public final LibraryContext createContext(TornadoXPUDevice device, long executionPlanId) {
        TornadoLibraryProvider provider = LibraryRegistry.findProvider(CUBLAS, device);
        return new Delegate(provider, provider.createContext(device, executionPlanId));
    }

    @Override
    public final void destroyContext(LibraryContext context) {
        Delegate delegate = (Delegate) context;
        delegate.provider().destroyContext(delegate.context());
    }

    /** How cuBLAS is to compute, null for its default: float32 throughout. */
    @Nullable Object options() {
        return null;
    }

    @Override
    final void multiply(LibraryInvocation invocation, Sgemm product, long floats) {
        Delegate delegate = (Delegate) invocation.getContext();
        delegate.provider().dispatch("cublasSgemm", call(invocation, delegate.context(), product, floats, options()));
    }

    /** The call with cublasSgemm's arguments in their order: transa, transb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc. */
    static LibraryInvocation call(
            LibraryInvocation invocation, LibraryContext context, Sgemm product, long floats, @Nullable Object options) {
        Object array = invocation.getArg(0);
        Object[] arguments = {
            product.transposeA() ? TRANSPOSED : PLAIN, product.transposeB() ? TRANSPOSED : PLAIN, product.m(), product.n(),
            product.k(), 1f, array, product.lda(), array, product.ldb(), 0f, array, product.ldc()
        };
        long[] pointers = new long[arguments.length];
        boolean[] references = new boolean[arguments.length];
        int[] starts = {product.a(), product.b(), product.c()};
        int[] places = {6, 8, 11};
        for (int i = 0; i < places.length; i++) {
            pointers[places[i]] = floats + (long) starts[i] * Float.BYTES;
            references[places[i]] = true;
        }
        return new LibraryInvocation(arguments, pointers, references, invocation.getDevice(), invocation.getExecutionPlanId(),
                context, options);
    }
}
