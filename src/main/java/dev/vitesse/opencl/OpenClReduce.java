// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;

/** Sums in two steps; kernels in {@code reduce.cl}. */
final class OpenClReduce {
    private static final String FILE = "reduce";

    private OpenClReduce() {}

    /** How a reduction over rows is split. */
    record Chunks(int count, int rows) {
        static Chunks of(Recording r, int rows, int columns) {
            int wanted = r.chunks(rows, columns);
            int perChunk = Math.max(1, (rows + wanted - 1) / wanted);
            return new Chunks(Math.max(1, (rows + perChunk - 1) / perChunk), perChunk);
        }
    }

    /** y [width] = the sum of x [rows, width] over its rows. */
    static void columnSums(Recording r, Operand y, Operand x, int rows, int width) {
        int vector = r.vector(width, y, x);
        int columns = width / vector;
        Chunks chunks = Chunks.of(r, rows, columns);
        Operand parts = chunks.count() == 1 ? y : r.scratch((long) chunks.count() * width);
        kernel(r, "column_sums", vector).with(parts, x).with(rows).with(columns).with(chunks.rows())
                .over(r.tuning().get("columns.ITEMS"), columns, chunks.count());
        if (chunks.count() > 1) {
            addParts(r, y, parts, chunks.count(), width);
        }
    }

    /** y [width] = the sum of parts [count, width] over its rows. */
    static void addParts(Recording r, Operand y, Operand parts, int count, int width) {
        int vector = r.vector(width, y, parts);
        kernel(r, "add_parts", vector).with(y, parts).with(count).with(width / vector)
                .over(r.tuning().get("columns.ITEMS"), width / vector);
    }

    static void sumOfSquares(Recording r, Tensor sum, Tensor x) {
        int lanes = r.tuning().get("reduce.LANES");
        int vector = r.vector(x.elements(), x);
        long vectors = x.elements() / vector;
        long groups = Math.min((vectors + lanes - 1) / lanes, (long) r.device().computeUnits()
                * r.tuning().get("reduce.GROUPS_PER_UNIT"));
        groups = Math.max(1, groups);
        Operand parts = groups == 1 ? r.own(sum) : r.scratch(groups);
        kernel(r, "square_sums", vector).with(parts, r.own(x)).with((int) vectors).over(lanes, groups * lanes);
        if (groups > 1) {
            addParts(r, r.own(sum), parts, (int) groups, 1);
        }
    }

    private static Launch.Builder kernel(Recording r, String name, int vector) {
        return r.kernel(FILE, name, vector).define("LANES", r.tuning().get("reduce.LANES"));
    }
}
