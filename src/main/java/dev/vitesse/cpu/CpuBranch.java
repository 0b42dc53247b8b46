// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.INTS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import dev.vitesse.backend.Dropout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/** The end of a residual branch: scale, dropout, drop path, residual. Bound by memory. */
final class CpuBranch {
    /** Elements of an item. */
    private static final int GRAIN = 8192;
    // The constants of Dropout.mix.
    private static final int MIX_1 = 0x9e3779b9;
    private static final int MIX_2 = 0x7feb352d;
    private static final int MIX_3 = 0x846ca68b;

    private static final IntVector LANE_NUMBERS = IntVector.zero(INTS).addIndex(1);

    private CpuBranch() {}

    /** y = residual + drop(scale branch). */
    static Runnable residualAdd(
            CpuBackend backend, CpuTensor y, CpuTensor branch, @Nullable CpuTensor residual, @Nullable CpuTensor scale,
            Dropout dropout, @Nullable CpuTensor random) {
        int width = y.dim(-1);
        Split rows = Split.ofRows(y.rowCount(), width, GRAIN);
        Mask mask = new Mask(dropout, random, y);
        backend.reserveScratch(Simd.whole(width));
        ThreadTeam.Task task = (item, worker) -> {
            float[] factors = backend.scratch(worker);
            for (int row = rows.first(item); row < rows.end(item); row++) {
                int start = row * width;
                mask.factors(row, width, factors);
                addRow(y.floats(), y.offset() + start, branch.floats(), branch.offset() + start,
                        residual == null ? null : residual.floats(), residual == null ? 0 : residual.offset() + start,
                        scale == null ? null : scale.floats(), scale == null ? 0 : scale.offset(), width, factors);
            }
        };
        return () -> {
            mask.refresh();
            backend.team().run(rows.count(), task);
        };
    }

    /** y = residual + factor scale branch. */
    private static void addRow(
            float[] y, int yOffset, float[] branch, int branchOffset, float @Nullable [] residual, int residualOffset,
            float @Nullable [] scale, int scaleOffset, int width, float[] factors) {
        int whole = FLOATS.loopBound(width);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector v = fromArray(FLOATS, branch, branchOffset + j).mul(fromArray(FLOATS, factors, j));
            if (scale != null) {
                v = v.mul(fromArray(FLOATS, scale, scaleOffset + j));
            }
            if (residual != null) {
                v = v.add(fromArray(FLOATS, residual, residualOffset + j));
            }
            v.intoArray(y, yOffset + j);
        }
        for (int j = whole; j < width; j++) {
            float v = branch[branchOffset + j] * factors[j] * (scale == null ? 1 : scale[scaleOffset + j]);
            y[yOffset + j] = residual == null ? v : v + residual[residualOffset + j];
        }
    }

    /** dBranch = scale drop(dY), dScale = sum of drop(dY) branch over all rows. */
    static Runnable residualAddBackward(
            CpuBackend backend, CpuTensor dBranch, @Nullable CpuTensor dScale, CpuTensor dY,
            @Nullable CpuTensor branch, @Nullable CpuTensor scale, Dropout dropout, @Nullable CpuTensor random) {
        int width = dY.dim(-1);
        Split rows = Split.ofRows(dY.rowCount(), width, GRAIN);
        Mask mask = new Mask(dropout, random, dY);
        boolean scaled = scale != null && dScale != null && branch != null;
        Partials partials = new Partials(backend, rows.count(), scaled ? width : 0);
        backend.reserveScratch(Simd.whole(width));
        ThreadTeam.Task task = (item, worker) -> {
            float[] factors = backend.scratch(worker);
            if (scaled) {
                Arrays.fill(partials.array(), partials.offset(item), partials.offset(item) + width, 0f);
            }
            for (int row = rows.first(item); row < rows.end(item); row++) {
                int start = row * width;
                mask.factors(row, width, factors);
                if (scaled) {
                    addScaleGradient(partials.array(), partials.offset(item), dY.floats(), dY.offset() + start,
                            branch.floats(), branch.offset() + start, width, factors);
                }
                addRow(dBranch.floats(), dBranch.offset() + start, dY.floats(), dY.offset() + start, null, 0,
                        scaled ? scale.floats() : null, scaled ? scale.offset() : 0, width, factors);
            }
        };
        return () -> {
            mask.refresh();
            backend.team().run(rows.count(), task);
            if (scaled) {
                partials.sum(dScale.floats(), dScale.offset(), 0, width);
            }
        };
    }

    private static void addScaleGradient(
            float[] sums, int sumOffset, float[] dY, int dYOffset, float[] branch, int branchOffset, int width,
            float[] factors) {
        int whole = FLOATS.loopBound(width);
        for (int j = 0; j < whole; j += LANES) {
            fromArray(FLOATS, dY, dYOffset + j).mul(fromArray(FLOATS, factors, j))
                    .fma(fromArray(FLOATS, branch, branchOffset + j), fromArray(FLOATS, sums, sumOffset + j))
                    .intoArray(sums, sumOffset + j);
        }
        for (int j = whole; j < width; j++) {
            sums[sumOffset + j] += dY[dYOffset + j] * factors[j] * branch[branchOffset + j];
        }
    }

    /** factors[j] = factor where {@link Dropout#keeps} keeps element {@code index + j}, else 0; in whole vectors. */
    private static void hash(float[] factors, int width, int index, int key, int threshold, float factor) {
        for (int j = 0; j < width; j += LANES) {
            IntVector x = LANE_NUMBERS.add(index + j).add(MIX_1);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16)).mul(MIX_2);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15)).mul(MIX_3);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
            x = x.lanewise(VectorOperators.XOR, key).add(MIX_1);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16)).mul(MIX_2);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15)).mul(MIX_3);
            x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
            VectorMask<Integer> kept = x.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.GE, threshold);
            FloatVector.zero(FLOATS).blend(factor, kept.cast(FLOATS)).intoArray(factors, j);
        }
    }

    /** What is dropped in the current step. */
    private static final class Mask {
        private final Dropout dropout;
        private final @Nullable CpuTensor random;
        private final int rowsPerEntry;
        private int elementKey;
        private int entryKey;

        Mask(Dropout dropout, @Nullable CpuTensor random, CpuTensor y) {
            this.dropout = dropout;
            this.random = random;
            rowsPerEntry = Math.max(1, y.rowCount() / Math.max(1, y.dim(0)));
        }

        void refresh() {
            if (random != null) {
                int seed = random.ints()[random.offset()];
                int step = random.ints()[random.offset() + 1];
                elementKey = Dropout.key(seed, step, 2 * dropout.site());
                entryKey = Dropout.key(seed, step, 2 * dropout.site() + 1);
            }
        }

        /** What the elements of a row are multiplied by: 0 where they are dropped. */
        void factors(int row, int width, float[] factors) {
            float scale = (float) (1 / ((1 - (double) dropout.rate()) * (1 - (double) dropout.pathRate())));
            boolean dropped = dropout.pathRate() > 0
                    && !Dropout.keeps(row / rowsPerEntry, entryKey, Dropout.threshold(dropout.pathRate()));
            if (dropped || dropout.rate() == 0) {
                Arrays.fill(factors, 0, Simd.whole(width), dropped ? 0 : scale);
            } else {
                hash(factors, width, row * width, elementKey, Dropout.threshold(dropout.rate()), scale);
            }
        }
    }
}
