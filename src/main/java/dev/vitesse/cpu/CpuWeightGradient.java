// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * {@code linearBackwardWeight}: dWeight = dY^T x and dBias = the sum of dY's rows. An item is a tile of dWeight and a
 * chunk of rows; narrow layers have few tiles and many rows. Chunks are summed afterwards. Both splits depend on shapes
 * only.
 */
final class CpuWeightGradient implements ThreadTeam.Task {
    /** Items to aim at. */
    private static final int ITEMS = 16;
    /** Rows that are packed at once. */
    static final int BLOCK_ROWS = 192;

    private static final int TILE_OUTPUTS = 192;
    private static final int TILE_INPUTS = 256;

    private final CpuBackend backend;
    private final CpuTensor dWeight;
    private final @Nullable CpuTensor dBias;
    private final CpuTensor dY;
    private final CpuTensor x;
    private final int outputs;
    private final int inputs;
    private final Split outputTiles;
    private final Split inputTiles;
    private final Split chunks;
    private final Partials partials;

    private CpuWeightGradient(
            CpuBackend backend, CpuTensor dWeight, @Nullable CpuTensor dBias, CpuTensor dY, CpuTensor x) {
        this.backend = backend;
        this.dWeight = dWeight;
        this.dBias = dBias;
        this.dY = dY;
        this.x = x;
        outputs = dWeight.dim(0);
        inputs = dWeight.dim(1);
        outputTiles = tiles(outputs, TILE_OUTPUTS, Gemm.ROWS);
        inputTiles = tiles(inputs, TILE_INPUTS, Gemm.PANEL);
        int rows = dY.rowCount();
        int wanted = Math.ceilDiv(ITEMS, Math.max(1, outputTiles.count() * inputTiles.count()));
        chunks = new Split(rows, Math.max(BLOCK_ROWS, Math.ceilDiv(rows, wanted)));
        partials = new Partials(backend, chunks.count(), outputs * inputs + outputs);
        backend.reserveScratch(scratchSize(Math.min(outputs, outputTiles.size()), Math.min(inputs, inputTiles.size())));
    }

    static Runnable of(
            CpuBackend backend, CpuTensor dWeight, @Nullable CpuTensor dBias, CpuTensor dY, CpuTensor x) {
        if (NarrowWeightGradient.suits(dWeight.dim(0), dWeight.dim(1))) {
            return NarrowWeightGradient.of(backend, dWeight, dBias, dY, x);
        }
        return new CpuWeightGradient(backend, dWeight, dBias, dY, x)::run;
    }

    /** Equal tiles of at most {@code most}, in multiples of {@code unit}. */
    private static Split tiles(int total, int most, int unit) {
        int even = Math.ceilDiv(total, Math.max(1, Math.ceilDiv(total, most)));
        return new Split(total, Math.max(1, Math.ceilDiv(even, unit)) * unit);
    }

    private void run() {
        backend.team().run(chunks.count() * outputTiles.count() * inputTiles.count(), this);
        partials.sum(dWeight.floats(), dWeight.offset(), 0, outputs * inputs);
        if (dBias != null) {
            partials.sum(dBias.floats(), dBias.offset(), outputs * inputs, outputs);
        }
    }

    @Override
    public void run(int item, int worker) {
        int inputTile = item % inputTiles.count();
        int outputTile = item / inputTiles.count() % outputTiles.count();
        int chunk = item / inputTiles.count() / outputTiles.count();
        int output = outputTiles.first(outputTile);
        int height = outputTiles.end(outputTile) - output;
        int input = inputTiles.first(inputTile);
        int width = inputTiles.end(inputTile) - input;
        float[] sums = partials.array();
        int sum = partials.offset(chunk);
        int end = chunks.end(chunk);
        for (int row = chunks.first(chunk); row < end; row += BLOCK_ROWS) {
            int depth = Math.min(BLOCK_ROWS, end - row);
            boolean accumulate = row > chunks.first(chunk);
            int from = dY.offset() + row * outputs + output;
            if (dBias != null && inputTile == 0) {
                sumRows(dY.floats(), from, outputs, depth, height, sums, sum + outputs * inputs + output, accumulate);
            }
            addBlock(backend.scratch(worker), depth, dY.floats(), from, outputs, height, x.floats(),
                    x.offset() + row * inputs + input, inputs, width, sums, sum + output * inputs + input, inputs,
                    accumulate);
        }
    }

    /** Working memory of {@link #addBlock} for a tile. */
    static long scratchSize(int outputs, int inputs) {
        return Gemm.TILE + Packing.columnsSize(BLOCK_ROWS, outputs) + Packing.panelSize(BLOCK_ROWS, inputs);
    }

    /**
     * C = A^T B (+ C) for at most {@link #BLOCK_ROWS} rows of A and B.
     *
     * @param scratch {@link #scratchSize} elements
     */
    static void addBlock(
            float[] scratch, int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset,
            int bStride, int columns, float[] c, int cOffset, int cStride, boolean accumulate) {
        int panels = Gemm.TILE;
        int slivers = panels + (int) Packing.panelSize(depth, columns);
        Packing.packPanels(b, bOffset, bStride, depth, columns, scratch, panels);
        Packing.packColumns(a, aOffset, aStride, depth, rows, scratch, slivers);
        Gemm.multiplyPacked(depth, scratch, slivers, rows, scratch, panels, columns, c, cOffset, cStride, accumulate,
                scratch, 0);
    }

    /** sum[j] = (sum[j] +) the sum over rows of a[i, j]. */
    static void sumRows(
            float[] a, int aOffset, int aStride, int rows, int columns, float[] sum, int sumOffset,
            boolean accumulate) {
        if (!accumulate) {
            Arrays.fill(sum, sumOffset, sumOffset + columns, 0f);
        }
        int whole = FLOATS.loopBound(columns);
        for (int i = 0; i < rows; i++) {
            int row = aOffset + i * aStride;
            for (int j = 0; j < whole; j += LANES) {
                fromArray(FLOATS, sum, sumOffset + j).add(fromArray(FLOATS, a, row + j)).intoArray(sum, sumOffset + j);
            }
            for (int j = whole; j < columns; j++) {
                sum[sumOffset + j] += a[row + j];
            }
        }
    }
}
