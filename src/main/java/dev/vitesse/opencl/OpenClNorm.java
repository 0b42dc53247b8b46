// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;

/** LayerNorm over x [rows, D]; kernels in {@code norm.cl}. */
final class OpenClNorm {
    private static final String FILE = "norm";

    private OpenClNorm() {}

    static void forward(
            Recording r, Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        int vector = r.vector(x.dim(-1), y, x, gamma, beta);
        int rows = (int) mean.elements();
        overRows(r, r.kernel(FILE, "layer_norm", vector)
                .tensors(y, mean, rstd, x, gamma, beta).with(rows).with(x.dim(-1) / vector).with(epsilon), rows);
    }

    static void backward(
            Recording r,
            Tensor dX,
            Tensor dGamma,
            Tensor dBeta,
            Tensor dY,
            Tensor x,
            Tensor mean,
            Tensor rstd,
            Tensor gamma) {
        int width = x.dim(-1);
        int rows = (int) mean.elements();
        int vector = r.vector(width, dX, dY, x, gamma);
        overRows(r, r.kernel(FILE, "layer_norm_backward", vector)
                .tensors(dX, dY, x, mean, rstd, gamma).with(rows).with(width / vector), rows);

        int columns = width / vector;
        OpenClReduce.Chunks chunks = OpenClReduce.Chunks.of(r, rows, columns);
        Operand.Scratch parts = r.scratch(2L * chunks.count() * width);
        define(r, r.kernel(FILE, "layer_norm_parameters", vector))
                .with(parts).tensors(dY, x, mean, rstd).with(rows).with(columns).with(chunks.rows())
                .over(r.tuning().get("columns.ITEMS"), columns, chunks.count());
        Operand.Scratch sums = r.scratch(2L * width);
        OpenClReduce.addParts(r, sums, parts, chunks.count(), 2 * width);
        OpenClReduce.addParts(r, r.own(dGamma), sums, 1, width);
        OpenClReduce.addParts(r, r.own(dBeta), sums.from(width), 1, width);
    }

    private static void overRows(Recording r, Launch.Builder kernel, int rows) {
        int perGroup = r.tuning().get("rows.ROWS");
        define(r, kernel).groups(new long[] {1, (rows + perGroup - 1) / perGroup},
                r.tuning().get("rows.LANES"), perGroup);
    }

    private static Launch.Builder define(Recording r, Launch.Builder kernel) {
        return kernel.define(r.tuning().family("rows"));
    }
}
