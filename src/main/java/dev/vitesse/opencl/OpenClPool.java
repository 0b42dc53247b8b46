// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;

/** Pooling of tokens; kernels in {@code pool.cl}. */
final class OpenClPool {
    private static final String FILE = "pool";

    private OpenClPool() {}

    static void forward(Recording r, Tensor pooled, Tensor x, int first, int count) {
        int vector = r.vector(x.dim(2), pooled, x);
        int columns = x.dim(2) / vector;
        r.kernel(FILE, "pool", vector).tensors(pooled, x).with(x.dim(1)).with(columns).with(first).with(count)
                .over(r.tuning().get("columns.ITEMS"), columns, x.dim(0));
    }

    static void backward(Recording r, Tensor dX, Tensor dPooled, int first, int count) {
        int vector = r.vector(dX.dim(2), dX, dPooled);
        int columns = dX.dim(2) / vector;
        r.kernel(FILE, "pool_backward", vector)
                .tensors(dX, dPooled).with(dX.dim(1)).with(columns).with(first).with(count)
                .over(r.tuning().get("columns.ITEMS"), columns, dX.dim(1), dX.dim(0));
    }
}
