// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * {@code linearBackwardWeight}: dWeight = dY^T x and dBias = the sum of dY's rows. An item is a tile of dWeight and a
 * chunk of rows; narrow layers have few tiles and many rows. Chunks are summed afterwards. Both splits depend on shapes
 * only.
 */
final class CpuWeightGradient implements ThreadTeam.Task {
    /** Items to aim at. */
    private static final int ITEMS = 16;
    /** Rows that are packed at once, at least; and of narrow matrices at most. */
    static final int BLOCK_ROWS = 192;

    private static final int MOST_BLOCK_ROWS = 512;
    /** Elements that are packed at once, if not for fewer rows: what stays in the second-level cache. */
    private static final int BLOCK_ELEMENTS = 96 * 1024;

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
        chunks = new Split(rows, Math.max(BLOCK_ROWS, Packing.fours(Math.ceilDiv(rows, wanted))));
        partials = new Partials(backend, chunks.count(), outputs * inputs + outputs);
        backend.reserveScratch(scratchSize(outputTiles.size(), inputTiles.size()));
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
        int count = end - chunks.first(chunk);
        int blocks = Math.ceilDiv(count, blockRows(outputTiles.size(), inputTiles.size()));
        // In fours, because tiles take four rows at a time, and others one by one.
        int even = Packing.fours(Math.ceilDiv(count, blocks));
        for (int row = chunks.first(chunk); row < end; row += even) {
            int depth = Math.min(even, end - row);
            boolean accumulate = row > chunks.first(chunk);
            int from = dY.offset() + row * outputs + output;
            addBlock(backend.scratch(worker), depth, dY.floats(), from, outputs, height, x.floats(),
                    x.offset() + row * inputs + input, inputs, width, sums, sum + output * inputs + input, inputs,
                    accumulate);
            if (dBias != null && inputTile == 0) {
                sumRows(dY.floats(), from, outputs, depth, height, sums, sum + outputs * inputs + output, accumulate);
            }
        }
    }

    private static int blockRows(int outputs, int inputs) {
        return Math.clamp(Packing.fours(BLOCK_ELEMENTS / Math.max(1, outputs + inputs)), BLOCK_ROWS, MOST_BLOCK_ROWS);
    }

    /** Working memory of {@link #addBlock} for a tile. */
    static long scratchSize(int outputs, int inputs) {
        int rows = blockRows(outputs, inputs);
        return Gemm.TILE + Packing.columnsSize(rows, outputs) + Packing.panelSize(rows, inputs);
    }

    /**
     * C = A^T B (+ C) for at most {@link #BLOCK_ROWS} rows of A and B, more of narrow ones.
     *
     * @param scratch {@link #scratchSize} elements
     */
    static void addBlock(
            float[] scratch, int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset,
            int bStride, int columns, float[] c, int cOffset, int cStride, boolean accumulate) {
        int panels = Gemm.TILE;
        int slivers = panels + (int) Packing.panelSize(depth, columns);
        Packing.packPanels(b, bOffset, bStride, depth, columns, scratch, panels);
        if (Gemm.suitsUnpacked(depth, rows, columns)) {
            Gemm.multiplyUnpacked(depth, a, aOffset, aStride, rows, scratch, panels, columns, c, cOffset, cStride,
                    accumulate, scratch, 0);
            return;
        }
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
        int fours = rows / 4 * 4;
        for (int i = 0; i < fours; i += 4) {
            addFourRows(a, aOffset + i * aStride, aStride, columns, sum, sumOffset);
        }
        for (int i = fours; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                sum[sumOffset + j] += a[aOffset + i * aStride + j];
            }
        }
    }

    /** Four at a time, because what one row has left in memory the next would wait for. */
    private static void addFourRows(float[] a, int row0, int stride, int columns, float[] sum, int to) {
        int row1 = row0 + stride;
        int row2 = row1 + stride;
        int row3 = row2 + stride;
        int whole = FLOATS.loopBound(columns);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector low = fromArray(FLOATS, a, row0 + j).add(fromArray(FLOATS, a, row1 + j));
            FloatVector high = fromArray(FLOATS, a, row2 + j).add(fromArray(FLOATS, a, row3 + j));
            fromArray(FLOATS, sum, to + j).add(low.add(high)).intoArray(sum, to + j);
        }
        for (int j = whole; j < columns; j++) {
            sum[to + j] += (a[row0 + j] + a[row1 + j]) + (a[row2 + j] + a[row3 + j]);
        }
    }
}
