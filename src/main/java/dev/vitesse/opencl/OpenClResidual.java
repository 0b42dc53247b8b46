// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** The end of residual branches, all tensors [B, ..., D]; kernels in {@code residual.cl}. */
final class OpenClResidual {
    private static final String FILE = "residual";

    private OpenClResidual() {}

    static void forward(
            Recording r,
            Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        int vector = r.vector(y.dim(-1), y, branch, residual, scale);
        Launch.Builder kernel = r.kernel(FILE, "residual_add", vector)
                .tensors(y, branch, residual, scale).with(residual != null).with(scale != null);
        elementwise(r, kernel, y, vector, dropout, random);
    }

    static void backward(
            Recording r,
            Tensor dBranch,
            @Nullable Tensor dScale,
            Tensor dY,
            @Nullable Tensor branch,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        if (dScale != null && branch != null) {
            // First, because dBranch may be dY.
            scaleGradient(r, dScale, dY, branch, dropout, random);
        }
        int vector = r.vector(dY.dim(-1), dBranch, dY, scale);
        Launch.Builder kernel = r.kernel(FILE, "residual_add_backward", vector)
                .tensors(dBranch, dY, scale).with(scale != null);
        elementwise(r, kernel, dY, vector, dropout, random);
    }

    private static void scaleGradient(
            Recording r, Tensor dScale, Tensor dY, Tensor branch, Dropout dropout, @Nullable Tensor random) {
        int width = dY.dim(-1);
        int rows = (int) (dY.elements() / Math.max(1, width));
        int vector = r.vector(width, dScale, dY, branch);
        int columns = width / vector;
        OpenClReduce.Chunks chunks = OpenClReduce.Chunks.of(r, rows, columns);
        Operand parts = r.scratch((long) chunks.count() * width);
        Launch.Builder kernel = r.kernel(FILE, "residual_scale_parts", vector)
                .with(parts).tensors(dY, branch).with(rows).with(columns).with(chunks.rows());
        dropout(kernel, dY, dropout, random).over(r.tuning().get("columns.ITEMS"), columns, chunks.count());
        OpenClReduce.addParts(r, r.own(dScale), parts, chunks.count(), width);
    }

    private static void elementwise(
            Recording r, Launch.Builder kernel, Tensor y, int vector, Dropout dropout, @Nullable Tensor random) {
        long vectors = y.elements() / vector;
        kernel.with((int) vectors).with(y.dim(-1) / vector);
        dropout(kernel, y, dropout, random).over(r.tuning().get("elementwise.ITEMS"), vectors);
    }

    private static Launch.Builder dropout(
            Launch.Builder kernel, Tensor y, Dropout dropout, @Nullable Tensor random) {
        return kernel.tensors(random)
                .with(!dropout.dropsNothing())
                .with(dropout.site())
                .with(Dropout.threshold(dropout.rate()))
                .with(Dropout.threshold(dropout.pathRate()))
                .with(1 / (1 - dropout.rate()))
                .with(1 / (1 - dropout.pathRate()))
                .with((int) (y.elements() / Math.max(1, y.dim(0))));
    }
}
