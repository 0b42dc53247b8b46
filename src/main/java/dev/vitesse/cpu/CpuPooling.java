// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import java.util.Arrays;

/** Pooling over tokens, and setting to a value. */
final class CpuPooling {
    private static final int GRAIN = 1 << 15;

    private CpuPooling() {}

    /** pooled[b] = the mean of x[b, first] to x[b, first + count - 1]. */
    static Runnable pool(CpuBackend backend, CpuTensor pooled, CpuTensor x, int first, int count) {
        int tokens = x.dim(1);
        int width = x.dim(2);
        Split images = Split.ofRows(x.dim(0), count * width, GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            float[] out = pooled.floats();
            for (int b = images.first(item); b < images.end(item); b++) {
                int to = pooled.offset() + b * width;
                CpuWeightGradient.sumRows(x.floats(), x.offset() + (b * tokens + first) * width, width, count, width,
                        out, to, false);
                for (int j = to; j < to + width; j++) {
                    out[j] /= count;
                }
            }
        };
        return () -> backend.team().run(images.count(), task);
    }

    /** dX is dPooled / count at the pooled tokens and zero at all others. */
    static Runnable poolBackward(CpuBackend backend, CpuTensor dX, CpuTensor dPooled, int first, int count) {
        int tokens = dX.dim(1);
        int width = dX.dim(2);
        Split images = Split.ofRows(dX.dim(0), tokens * width, GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            float[] out = dX.floats();
            float[] in = dPooled.floats();
            for (int b = images.first(item); b < images.end(item); b++) {
                int image = dX.offset() + b * tokens * width;
                Arrays.fill(out, image, image + tokens * width, 0f);
                int from = dPooled.offset() + b * width;
                for (int t = first; t < first + count; t++) {
                    int to = image + t * width;
                    for (int j = 0; j < width; j++) {
                        out[to + j] = in[from + j] / count;
                    }
                }
            }
        };
        return () -> backend.team().run(images.count(), task);
    }

    /** x = value. */
    static Runnable fill(CpuBackend backend, CpuTensor x, float value) {
        Split elements = Split.of(x.size(), GRAIN);
        ThreadTeam.Task task = (item, worker) -> Arrays.fill(
                x.floats(), x.offset() + elements.first(item), x.offset() + elements.end(item), value);
        return () -> backend.team().run(elements.count(), task);
    }
}
