// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * {@code linearBackwardWeight} for layers so narrow that packing costs more than the product: dWeight = dY^T x in tiles
 * of 4 outputs by two vectors of inputs, or 8 by one, which stay in registers while all rows of a chunk go by where they
 * lie. Where only the outputs fill two vectors, they change places with the inputs. Chunks are summed afterwards.
 */
final class NarrowWeightGradient implements ThreadTeam.Task {
    /** Rows of a tile of dWeight. */
    private static final int OUTPUTS = 8;
    /** Rows of a tile that is two vectors wide. */
    private static final int PAIR_OUTPUTS = OUTPUTS / 2;
    /** The largest dWeight: x and dY are read once for each tile, from the first-level cache where rows are this short. */
    private static final int MOST_ELEMENTS = 1024;
    /** Rows that are read again and again, and that must stay in the first-level cache. */
    private static final int BLOCK_ROWS = 100;

    private static final int CHUNKS = 16;

    private final CpuBackend backend;
    private final CpuTensor dWeight;
    private final @Nullable CpuTensor dBias;
    private final CpuTensor dY;
    private final CpuTensor x;
    private final int outputs;
    private final int inputs;
    private final Split chunks;
    private final Partials partials;
    /** dWeight^T = x^T dY where that makes wider tiles, else empty. */
    private final float[] transposed;

    private NarrowWeightGradient(
            CpuBackend backend, CpuTensor dWeight, @Nullable CpuTensor dBias, CpuTensor dY, CpuTensor x) {
        this.backend = backend;
        this.dWeight = dWeight;
        this.dBias = dBias;
        this.dY = dY;
        this.x = x;
        outputs = dWeight.dim(0);
        inputs = dWeight.dim(1);
        boolean wide = inputs == OUTPUTS && outputs > LANES;
        transposed = new float[wide ? outputs * inputs : 0];
        int rows = dY.rowCount();
        chunks = new Split(rows, Math.max(BLOCK_ROWS, Math.ceilDiv(rows, CHUNKS)));
        partials = new Partials(backend, chunks.count(), outputs * inputs + outputs);
    }

    static boolean suits(int outputs, int inputs) {
        return outputs % OUTPUTS == 0 && outputs % LANES == 0 && inputs % LANES == 0
                && (long) outputs * inputs <= MOST_ELEMENTS;
    }

    static Runnable of(
            CpuBackend backend, CpuTensor dWeight, @Nullable CpuTensor dBias, CpuTensor dY, CpuTensor x) {
        return new NarrowWeightGradient(backend, dWeight, dBias, dY, x)::run;
    }

    private void run() {
        backend.team().run(chunks.count(), this);
        if (transposed.length > 0) {
            partials.sum(transposed, 0, 0, outputs * inputs);
            transpose();
        } else {
            partials.sum(dWeight.floats(), dWeight.offset(), 0, outputs * inputs);
        }
        if (dBias != null) {
            partials.sum(dBias.floats(), dBias.offset(), outputs * inputs, outputs);
        }
    }

    private void transpose() {
        float[] to = dWeight.floats();
        for (int o = 0; o < outputs; o++) {
            for (int i = 0; i < inputs; i++) {
                to[dWeight.offset() + o * inputs + i] = transposed[i * outputs + o];
            }
        }
    }

    @Override
    public void run(int chunk, int worker) {
        float[] sums = partials.array();
        int sum = partials.offset(chunk);
        int bias = sum + outputs * inputs;
        Arrays.fill(sums, sum, bias + outputs, 0f);
        for (int row = chunks.first(chunk); row < chunks.end(chunk); row += BLOCK_ROWS) {
            int rows = Math.min(BLOCK_ROWS, chunks.end(chunk) - row);
            int a = dY.offset() + row * outputs;
            int b = x.offset() + row * inputs;
            if (transposed.length > 0) {
                addProduct(x.floats(), b, inputs, dY.floats(), a, outputs, rows, sums, sum);
            } else {
                addProduct(dY.floats(), a, outputs, x.floats(), b, inputs, rows, sums, sum);
            }
            for (int o = 0; dBias != null && o < outputs; o += LANES) {
                addColumns(dY.floats(), a + o, outputs, rows, sums, bias + o);
            }
        }
    }

    /** C += A^T B, where A has {@code outputs} columns and B {@code inputs}. */
    static void addProduct(
            float[] a, int aOffset, int outputs, float[] b, int bOffset, int inputs, int rows, float[] c, int cOffset) {
        int i = 0;
        for (; outputs == OUTPUTS && i + 2 * LANES <= inputs; i += 2 * LANES) {
            addPair(a, aOffset, b, bOffset + i, inputs, rows, c, cOffset + i);
            addPair(a, aOffset + PAIR_OUTPUTS, b, bOffset + i, inputs, rows, c, cOffset + PAIR_OUTPUTS * inputs + i);
        }
        for (; i < inputs; i += LANES) {
            for (int o = 0; o < outputs; o += OUTPUTS) {
                addTile(a, aOffset + o, outputs, b, bOffset + i, inputs, rows, c, cOffset + o * inputs + i);
            }
        }
    }

    /**
     * c[o, :] += the sum over rows of a[row, o] b[row, :], for 4 o and two vectors of b; rows of A have 8 elements, a
     * constant that spares checks of indices.
     */
    private static void addPair(
            float[] a, int aOffset, float[] b, int bOffset, int bStride, int rows, float[] c, int cOffset) {
        FloatVector left0 = fromArray(FLOATS, c, cOffset);
        FloatVector right0 = fromArray(FLOATS, c, cOffset + LANES);
        FloatVector left1 = fromArray(FLOATS, c, cOffset + bStride);
        FloatVector right1 = fromArray(FLOATS, c, cOffset + bStride + LANES);
        FloatVector left2 = fromArray(FLOATS, c, cOffset + 2 * bStride);
        FloatVector right2 = fromArray(FLOATS, c, cOffset + 2 * bStride + LANES);
        FloatVector left3 = fromArray(FLOATS, c, cOffset + 3 * bStride);
        FloatVector right3 = fromArray(FLOATS, c, cOffset + 3 * bStride + LANES);
        for (int r = 0; r < rows; r++) {
            int from = aOffset + r * OUTPUTS;
            FloatVector left = fromArray(FLOATS, b, bOffset + r * bStride);
            FloatVector right = fromArray(FLOATS, b, bOffset + r * bStride + LANES);
            FloatVector v = broadcast(FLOATS, a[from]);
            left0 = v.fma(left, left0);
            right0 = v.fma(right, right0);
            v = broadcast(FLOATS, a[from + 1]);
            left1 = v.fma(left, left1);
            right1 = v.fma(right, right1);
            v = broadcast(FLOATS, a[from + 2]);
            left2 = v.fma(left, left2);
            right2 = v.fma(right, right2);
            v = broadcast(FLOATS, a[from + 3]);
            left3 = v.fma(left, left3);
            right3 = v.fma(right, right3);
        }
        left0.intoArray(c, cOffset);
        right0.intoArray(c, cOffset + LANES);
        left1.intoArray(c, cOffset + bStride);
        right1.intoArray(c, cOffset + bStride + LANES);
        left2.intoArray(c, cOffset + 2 * bStride);
        right2.intoArray(c, cOffset + 2 * bStride + LANES);
        left3.intoArray(c, cOffset + 3 * bStride);
        right3.intoArray(c, cOffset + 3 * bStride + LANES);
    }

    /** c[o, :] += the sum over rows of a[row, o] b[row, :], for 8 o. */
    private static void addTile(
            float[] a, int aOffset, int aStride, float[] b, int bOffset, int bStride, int rows, float[] c, int cOffset) {
        FloatVector c0 = fromArray(FLOATS, c, cOffset);
        FloatVector c1 = fromArray(FLOATS, c, cOffset + bStride);
        FloatVector c2 = fromArray(FLOATS, c, cOffset + 2 * bStride);
        FloatVector c3 = fromArray(FLOATS, c, cOffset + 3 * bStride);
        FloatVector c4 = fromArray(FLOATS, c, cOffset + 4 * bStride);
        FloatVector c5 = fromArray(FLOATS, c, cOffset + 5 * bStride);
        FloatVector c6 = fromArray(FLOATS, c, cOffset + 6 * bStride);
        FloatVector c7 = fromArray(FLOATS, c, cOffset + 7 * bStride);
        int from = aOffset;
        int row = bOffset;
        for (int r = 0; r < rows; r++) {
            FloatVector v = fromArray(FLOATS, b, row);
            c0 = broadcast(FLOATS, a[from]).fma(v, c0);
            c1 = broadcast(FLOATS, a[from + 1]).fma(v, c1);
            c2 = broadcast(FLOATS, a[from + 2]).fma(v, c2);
            c3 = broadcast(FLOATS, a[from + 3]).fma(v, c3);
            c4 = broadcast(FLOATS, a[from + 4]).fma(v, c4);
            c5 = broadcast(FLOATS, a[from + 5]).fma(v, c5);
            c6 = broadcast(FLOATS, a[from + 6]).fma(v, c6);
            c7 = broadcast(FLOATS, a[from + 7]).fma(v, c7);
            from += aStride;
            row += bStride;
        }
        c0.intoArray(c, cOffset);
        c1.intoArray(c, cOffset + bStride);
        c2.intoArray(c, cOffset + 2 * bStride);
        c3.intoArray(c, cOffset + 3 * bStride);
        c4.intoArray(c, cOffset + 4 * bStride);
        c5.intoArray(c, cOffset + 5 * bStride);
        c6.intoArray(c, cOffset + 6 * bStride);
        c7.intoArray(c, cOffset + 7 * bStride);
    }

    /** sum[:] += the sum over rows of a[row, :], of one vector's columns. */
    private static void addColumns(float[] a, int offset, int stride, int rows, float[] sum, int sumOffset) {
        FloatVector even = fromArray(FLOATS, sum, sumOffset);
        FloatVector odd = broadcast(FLOATS, 0);
        int r = 0;
        for (; r < rows - 1; r += 2) {
            even = even.add(fromArray(FLOATS, a, offset + r * stride));
            odd = odd.add(fromArray(FLOATS, a, offset + r * stride + stride));
        }
        if (r < rows) {
            even = even.add(fromArray(FLOATS, a, offset + r * stride));
        }
        even.add(odd).intoArray(sum, sumOffset);
    }
}
