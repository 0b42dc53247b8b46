// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import dev.vitesse.backend.Epilogue;
import org.jspecify.annotations.Nullable;

/** Products with a weight matrix: {@code linear} and {@code linearBackwardInput}. */
final class CpuLinear implements ThreadTeam.Task {
    /** Rows of an item: as many rows of A as stay in the second-level cache beside the panels of B. */
    private static final int BLOCK_ROWS = 96;
    /** Panels of an item at least, where columns are split to keep all threads busy. */
    private static final int LEAST_PANELS = 4;
    /** Items for each thread from which on one more or less makes no difference. */
    private static final int EVEN_ITEMS = 32;

    private final CpuBackend backend;
    private final CpuTensor c;
    private final CpuTensor a;
    private final PackedWeight weight;
    private final @Nullable CpuTensor bias;
    private final Epilogue epilogue;
    private final boolean backward;
    private final boolean narrow;

    private final int depth;
    private final int columns;
    private final Split rows;
    private final Split panels;
    /** Where sums to which a residual is added lie in the working memory. */
    private final int sums;
    /** The bias filled up to whole panels, or zeros. */
    private final float[] init;

    private CpuLinear(
            CpuBackend backend, CpuTensor c, CpuTensor a, PackedWeight weight, @Nullable CpuTensor bias,
            Epilogue epilogue, boolean backward) {
        this.backend = backend;
        this.c = c;
        this.a = a;
        this.weight = weight;
        this.bias = bias;
        this.epilogue = epilogue;
        this.backward = backward;
        depth = weight.depth();
        columns = weight.width();
        narrow = NarrowLinear.suits(depth, columns);
        int count = c.rowCount();
        int blocks = Math.max(1, Math.ceilDiv(count, BLOCK_ROWS));
        rows = new Split(count, Math.max(Gemm.ROWS, Gemm.wholeTiles(Math.ceilDiv(count, blocks))));
        int all = Gemm.panels(columns);
        int groups = narrow ? 1 : evenGroups(blocks, backend.team().size());
        panels = new Split(all, Math.max(Math.min(LEAST_PANELS, all), Math.ceilDiv(all, groups)));
        init = CpuBuffer.allocateFloats("bias of " + c.name(), Gemm.padded(columns));
        long block = (long) rows.size() * panels.size() * Gemm.PANEL;
        sums = Gemm.workSize(rows.size(), depth);
        backend.reserveScratch(Math.max(CpuActivations.SCRATCH, sums + block));
    }

    /** Groups of columns that give every thread the same number of items, at least four. */
    private static int evenGroups(int blocks, int threads) {
        int groups = Math.ceilDiv(4 * threads, blocks);
        while (blocks * groups % threads != 0 && blocks * groups < EVEN_ITEMS * threads) {
            groups++;
        }
        return groups;
    }

    /** y = epilogue(x weight^T + bias). */
    static Runnable forward(
            CpuBackend backend, CpuTensor y, CpuTensor x, CpuTensor weight, @Nullable CpuTensor bias,
            Epilogue epilogue) {
        return new CpuLinear(backend, y, x, weight.packed(true), bias, epilogue, false)::run;
    }

    /** dX = dY weight, times the activation's derivative where the epilogue has one. */
    static Runnable backwardInput(
            CpuBackend backend, CpuTensor dX, CpuTensor dY, CpuTensor weight, Epilogue epilogue) {
        return new CpuLinear(backend, dX, dY, weight.packed(false), null, epilogue, true)::run;
    }

    private void run() {
        weight.refresh(backend.team());
        if (bias != null) {
            System.arraycopy(bias.floats(), bias.offset(), init, 0, columns);
        }
        backend.team().run(rows.count() * panels.count(), this);
    }

    @Override
    public void run(int item, int worker) {
        int block = item / panels.count();
        int first = rows.first(block);
        int height = rows.end(block) - first;
        int firstPanel = panels.first(item % panels.count());
        int endPanel = panels.end(item % panels.count());
        int column = firstPanel * Gemm.PANEL;
        int width = Math.min(columns, endPanel * Gemm.PANEL) - column;
        int start = first * columns + column;
        float[] scratch = backend.scratch(worker);
        switch (epilogue) {
            case Epilogue.None none -> multiply(c, first, height, firstPanel, endPanel, scratch);
            case Epilogue.Activate activate -> {
                boolean keeps = !backward && activate.preActivation() != null;
                CpuTensor sum = keeps ? (CpuTensor) activate.preActivation() : c;
                multiply(sum, first, height, firstPanel, endPanel, scratch);
                activate(activate, sum, start, height, width, scratch);
            }
            case Epilogue.Add add -> {
                // Through working memory, because the residual may be c itself, and to read it row by row.
                CpuTensor residual = (CpuTensor) add.residual();
                if (narrow) {
                    NarrowLinear.multiply(depth, a.floats(), a.offset() + first * depth, height, weight.panels(),
                            weight.panelsOffset(), columns, init, scratch, sums);
                    addRows(1, height * columns, scratch, sums, 0, residual.floats(), residual.offset() + start,
                            c.floats(), c.offset() + start, 0);
                    return;
                }
                int stride = (endPanel - firstPanel) * Gemm.PANEL;
                Gemm.multiply(depth, a.floats(), a.offset() + first * depth, depth, height, weight.panels(),
                        weight.panelsOffset(), Gemm.padded(columns), firstPanel, endPanel, init, scratch, sums - column,
                        stride, null, 0, 0, scratch, 0);
                addRows(height, width, scratch, sums, stride, residual.floats(), residual.offset() + start,
                        c.floats(), c.offset() + start, columns);
            }
        }
    }

    private void multiply(CpuTensor sum, int first, int height, int firstPanel, int endPanel, float[] scratch) {
        if (narrow) {
            NarrowLinear.multiply(depth, a.floats(), a.offset() + first * depth, height, weight.panels(),
                    weight.panelsOffset(), columns, init, sum.floats(), sum.offset() + first * columns);
            return;
        }
        Gemm.multiply(depth, a.floats(), a.offset() + first * depth, depth, height, weight.panels(),
                weight.panelsOffset(), columns, firstPanel, endPanel, init, sum.floats(), sum.offset() + first * columns,
                columns, null, 0, 0, scratch, 0);
    }

    /** c = a + b; c may be a or b. */
    static void addRows(
            int rows, int width, float[] a, int aOffset, int aStride, float[] b, int bOffset, float[] c, int cOffset,
            int stride) {
        int whole = FLOATS.loopBound(width);
        for (int i = 0; i < rows; i++) {
            int from = aOffset + i * aStride;
            int add = bOffset + i * stride;
            int to = cOffset + i * stride;
            for (int j = 0; j < whole; j += LANES) {
                fromArray(FLOATS, a, from + j).add(fromArray(FLOATS, b, add + j)).intoArray(c, to + j);
            }
            for (int j = whole; j < width; j++) {
                c[to + j] = a[from + j] + b[add + j];
            }
        }
    }

    /**
     * Forward c = f(sum), backward c *= f'(pre-activation), on a block whose rows are contiguous if it has all
     * columns.
     */
    private void activate(
            Epilogue.Activate activate, CpuTensor sum, int start, int height, int width, float[] scratch) {
        int spans = width == columns ? 1 : height;
        int length = width == columns ? height * width : width;
        for (int i = 0; i < spans; i++) {
            int index = start + i * columns;
            if (backward) {
                CpuTensor pre = (CpuTensor) activate.preActivation();
                CpuActivations.multiplyDerivative(activate.function(), c.floats(), c.offset() + index, pre.floats(),
                        pre.offset() + index, length, scratch, 0);
            } else {
                CpuActivations.apply(activate.function(), sum.floats(), sum.offset() + index, c.floats(),
                        c.offset() + index, length, scratch, 0);
            }
        }
    }
}
