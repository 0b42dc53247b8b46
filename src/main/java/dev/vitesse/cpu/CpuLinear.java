// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Epilogue;
import org.jspecify.annotations.Nullable;

/** Products with a weight matrix: {@code linear} and {@code linearBackwardInput}. */
final class CpuLinear implements ThreadTeam.Task {
    /** Rows of an item: as many rows of A as stay in the second-level cache beside the panels of B. */
    private static final int BLOCK_ROWS = 96;
    /** Panels of an item at least, where columns are split to keep all threads busy. */
    private static final int LEAST_PANELS = 4;

    private final CpuBackend backend;
    private final CpuTensor c;
    private final CpuTensor a;
    private final PackedWeight weight;
    private final @Nullable CpuTensor bias;
    private final Epilogue epilogue;
    private final boolean backward;

    private final int depth;
    private final int columns;
    private final Split rows;
    private final Split panels;
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
        int count = c.rowCount();
        int blocks = Math.max(1, Math.ceilDiv(count, BLOCK_ROWS));
        rows = new Split(count, Math.max(Gemm.ROWS, Gemm.wholeTiles(Math.ceilDiv(count, blocks))));
        int groups = Math.ceilDiv(4 * backend.team().size(), blocks);
        int all = Gemm.panels(columns);
        panels = new Split(all, Math.max(Math.min(LEAST_PANELS, all), Math.ceilDiv(all, groups)));
        init = CpuBuffer.allocateFloats("bias of " + c.name(), Gemm.padded(columns));
        backend.reserveScratch(Math.max(Gemm.TILE, CpuActivations.SCRATCH));
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
        int group = item % panels.count();
        int first = rows.first(block);
        int height = rows.end(block) - first;
        CpuTensor sum = c;
        CpuTensor base = null;
        if (epilogue instanceof Epilogue.Add add) {
            base = (CpuTensor) add.residual();
        } else if (!backward && epilogue instanceof Epilogue.Activate activate && activate.preActivation() != null) {
            sum = (CpuTensor) activate.preActivation();
        }
        int start = first * columns;
        Gemm.multiply(depth, a.floats(), a.offset() + first * depth, depth, height, weight.panels(), 0, columns,
                panels.first(group), panels.end(group), init, sum.floats(), sum.offset() + start, columns,
                base == null ? null : base.floats(), base == null ? 0 : base.offset() + start, columns,
                backend.scratch(worker), 0);
        if (epilogue instanceof Epilogue.Activate activate) {
            int column = panels.first(group) * Gemm.PANEL;
            int width = Math.min(columns, panels.end(group) * Gemm.PANEL) - column;
            activate(activate, sum, start + column, height, width, backend.scratch(worker));
        }
    }

    /** Forward c = f(sum), backward c *= f'(pre-activation), on a block whose rows are contiguous if it has all columns. */
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
