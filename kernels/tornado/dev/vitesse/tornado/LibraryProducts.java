// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;
import uk.ac.manchester.tornado.runtime.library.spi.TornadoLibraryProvider;

/**
 * A BLAS as a task of TornadoVM's task graphs: it multiplies in place of {@link TornadoGemm}. TornadoVM's own tasks for
 * cuBLAS take whole arrays and numbers fixed when the graph is built; ours lie inside one array, and where and how large they
 * are is in a launch's parameters. So the task is one of our own, which reads those parameters on the host, where they still
 * are as {@link TornadoPlan} has sent them, and calls the library with addresses inside the array.
 *
 * <p>TornadoVM finds its subclasses as services. A program with such tasks runs in order on the plan's queue.
 */
public abstract class LibraryProducts implements TornadoLibraryProvider {
    private static final String FUNCTION = "sgemm";

    LibraryProducts() {}

    /**
     * C = op(A) op(B) as a BLAS has it: [m, n] = [m, k] [k, n], stored by columns.
     *
     * @param transposeA whether op transposes A, stored [k, m] by columns then
     * @param a where A starts
     * @param lda from a column of A to the next
     */
    record Sgemm(
            boolean transposeA, boolean transposeB, int m, int n, int k, int a, int lda, int b, int ldb, int c, int ldc) {
        /**
         * A product of ours, which is stored by rows: what is [rows, columns] by rows is [columns, rows] by columns, so this is
         * C^T = B^T A^T.
         *
         * @param p parameters as {@link TornadoLinear} gives them, from {@code o} on: c, a, b, two unused, M, N, K, two unused,
         *     layout
         */
        static Sgemm of(IntArray p, int o) {
            int m = p.get(o + 5);
            int n = p.get(o + 6);
            int k = p.get(o + 7);
            int layout = p.get(o + 10);
            boolean columnsOfB = layout == TornadoLinear.FORWARD; // its B is stored [N, K]
            boolean columnsOfA = layout == TornadoLinear.BACKWARD_WEIGHT; // its A is stored [K, M]
            return new Sgemm(columnsOfB, columnsOfA, n, m, k, p.get(o + 2), columnsOfB ? k : n, p.get(o + 1),
                    columnsOfA ? m : k, p.get(o), n);
        }
    }

    /** The task that launches a product of {@code library}. */
    static LibraryTaskDescriptor task(String library, FloatArray floats, IntArray parameters, IntArray slot) {
        return new LibraryTaskDescriptor()
                .withLibrary(library)
                .withFunction(FUNCTION)
                .withParameters(new Object[] {floats, parameters, slot})
                .withAccess(new Access[] {Access.READ_WRITE, Access.READ_ONLY, Access.READ_ONLY});
    }

    @Override
    public final void dispatch(String function, LibraryInvocation invocation) {
        if (!function.equals(FUNCTION)) {
            throw new IllegalArgumentException(libraryName() + " has no " + function);
        }
        int slot = ((IntArray) invocation.getArg(2)).get(0);
        multiply(invocation, Sgemm.of((IntArray) invocation.getArg(1), slot), invocation.getDevicePointer(0));
    }

    /**
     * Enqueues a product.
     *
     * @param floats the address of the array in which the matrices are
     */
    abstract void multiply(LibraryInvocation invocation, Sgemm product, long floats);
}
