// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;

/**
 * Runs each kernel of a forward pass on a handful of numbers, so that the JVM compiles it while other threads still read
 * the command line, the model and the image. Before C2 has compiled a kernel, each of its vectors is an object on the
 * heap, and a first pass takes a second and more. Needs the JVM's thresholds lowered for the kernels, as the launcher
 * does with {@code scripts/kernels.compile}; else it ends before anything is compiled. Changes no result.
 *
 * <p>Loops are kept short: after some 80 turns C2 would compile a loop by itself and then the method a second time.
 */
final class Rehearsal implements Runnable {
    /** Calls after which every kernel has been interpreted, profiled and compiled. */
    private static final int RUNS = 12;
    /** No whole panel, and too wide for {@link NarrowAttention}. */
    private static final int WIDTH = 12;
    /** Four vectors, which norms sum at once, another and a rest. */
    private static final int NORM_WIDTH = 5 * Simd.LANES + 1;
    /** A whole panel and a rest. */
    private static final int TOKENS = Gemm.PANEL + 1;

    @Override
    public void run() {
        try (CpuBackend backend = new CpuBackend(1);
                Program program = backend.record("rehearsal", k -> block(k, backend))) {
            float[] rows = new float[2 * Gemm.PANEL];
            for (int i = 0; i < RUNS; i++) {
                program.run();
                // Values of heads that fill panels.
                Packing.packPanels(rows, 0, Gemm.PANEL, 2, Gemm.PANEL, rows.clone(), 0);
            }
        }
    }

    /** What patches and a block compute, in the order in which a model's first pass does. */
    private static void block(Kernels k, CpuBackend backend) {
        Tensor x = backend.tensor("x", 1, TOKENS, WIDTH);
        Tensor y = backend.tensor("y", 1, TOKENS, WIDTH);
        Tensor hidden = backend.tensor("hidden", 1, TOKENS, Gemm.PANEL);
        Tensor qkv = backend.tensor("qkv", 1, TOKENS, 3 * WIDTH);
        Tensor vector = backend.tensor("vector", WIDTH);
        k.patchEmbedding(backend.tensor("tokens", 1, 2, WIDTH), backend.tensor("images", 1, 1, 2, 2),
                backend.tensor("projection", WIDTH, 1, 2, 2), vector, backend.tensor("prefix", 1, WIDTH),
                backend.tensor("position", 2, WIDTH));
        Tensor rows = backend.tensor("rows", 1, 2, NORM_WIDTH);
        Tensor scale = backend.tensor("scale", NORM_WIDTH);
        k.layerNorm(rows, backend.tensor("mean", 1, 2), backend.tensor("rstd", 1, 2), rows, scale, scale, 1e-6f);
        k.linear(qkv, y, backend.tensor("qkv.weight", 3 * WIDTH, WIDTH), null, Epilogue.NONE);
        k.attention(y, null, qkv, 1);
        k.linear(hidden, y, backend.tensor("fc1.weight", Gemm.PANEL, WIDTH), null,
                new Epilogue.Activate(Activation.GELU, null));
        k.linear(x, hidden, backend.tensor("fc2.weight", WIDTH, Gemm.PANEL), vector, new Epilogue.Add(x));
    }
}
