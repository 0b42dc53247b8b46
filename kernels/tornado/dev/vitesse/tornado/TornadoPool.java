// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Tensor;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The mean of some tokens of each image, and its derivative; one work-item per element written, bound by memory. */
final class TornadoPool {
    private static final TornadoKernel POOL = new TornadoKernel("pool", "pool", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPool::pool, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.POOL);
    private static final TornadoKernel BACKWARD = new TornadoKernel("pool_backward", "poolBackward", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPool::poolBackward, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.POOL_BACKWARD);

    private TornadoPool() {}

    static void forward(Recording r, Tensor pooled, Tensor x, int first, int count) {
        int elements = (int) pooled.elements();
        r.launchOver(POOL, elements, r.at(pooled), r.at(x), elements, x.dim(1), x.dim(2), first, count);
    }

    static void backward(Recording r, Tensor dX, Tensor dPooled, int first, int count) {
        int elements = (int) dX.elements();
        r.launchOver(BACKWARD, elements, r.at(dX), r.at(dPooled), elements, dX.dim(1), dX.dim(2), first, count);
    }

    /** pooled[b, d] = mean of x[b, first ... first + count - 1, d]. Parameters: pooled, x, elements, T, D, first, count. */
    static void pool(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int width = p.get(o + 4);
            int count = p.get(o + 6);
            int x = p.get(o + 1) + (i / width * p.get(o + 3) + p.get(o + 5)) * width + i % width;
            float sum = 0f;
            for (int token = 0; token < count; token++) {
                sum = sum + floats.get(x + token * width);
            }
            floats.set(p.get(o) + i, sum / count);
        }
    }

    /** dX[b, t, d] = dPooled[b, d] / count at pooled tokens, else zero. Parameters: dX, dPooled, then as for pool. */
    static void poolBackward(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int tokens = p.get(o + 3);
            int width = p.get(o + 4);
            int token = i / width % tokens - p.get(o + 5);
            int count = p.get(o + 6);
            float value = 0f;
            if (token >= 0 && token < count) {
                value = floats.get(p.get(o + 1) + i / width / tokens * width + i % width) / count;
            }
            floats.set(p.get(o) + i, value);
        }
    }
}
