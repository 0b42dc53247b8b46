// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.INTS;
import static dev.vitesse.cpu.Simd.LANES;

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
    /** A threshold that keeps nothing. */
    private static final int ALL = 1 << 24;

    private static final IntVector LANE_NUMBERS = IntVector.zero(INTS).addIndex(1);

    private CpuBranch() {}

    /** y = residual + drop(scale branch). */
    static Runnable residualAdd(
            CpuBackend backend, CpuTensor y, CpuTensor branch, @Nullable CpuTensor residual, @Nullable CpuTensor scale,
            Dropout dropout, @Nullable CpuTensor random) {
        int width = y.dim(-1);
        Split rows = Split.ofRows(y.rowCount(), width, GRAIN);
        Mask mask = new Mask(dropout, random, y);
        ThreadTeam.Task task = (item, worker) -> {
            for (int row = rows.first(item); row < rows.end(item); row++) {
                int start = row * width;
                addRow(y.floats(), y.offset() + start, branch.floats(), branch.offset() + start,
                        residual == null ? null : residual.floats(), residual == null ? 0 : residual.offset() + start,
                        scale == null ? null : scale.floats(), scale == null ? 0 : scale.offset(), width, start,
                        mask.key(), mask.threshold(row), mask.factor());
            }
        };
        return () -> {
            mask.refresh();
            backend.team().run(rows.count(), task);
        };
    }

    private static void addRow(
            float[] y, int yOffset, float[] branch, int branchOffset, float @Nullable [] residual, int residualOffset,
            float @Nullable [] scale, int scaleOffset, int width, int index, int key, int threshold, float factor) {
        for (int j = 0; j < width; j += LANES) {
            VectorMask<Float> lanes = Simd.first(width - j);
            FloatVector v = drop(FloatVector.fromArray(FLOATS, branch, branchOffset + j, lanes), index + j, key,
                    threshold, factor);
            if (scale != null) {
                v = v.mul(FloatVector.fromArray(FLOATS, scale, scaleOffset + j, lanes));
            }
            if (residual != null) {
                v = v.add(FloatVector.fromArray(FLOATS, residual, residualOffset + j, lanes));
            }
            v.intoArray(y, yOffset + j, lanes);
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
        ThreadTeam.Task task = (item, worker) -> {
            if (scaled) {
                Arrays.fill(partials.array(), partials.offset(item), partials.offset(item) + width, 0f);
            }
            for (int row = rows.first(item); row < rows.end(item); row++) {
                int start = row * width;
                if (scaled) {
                    addScaleGradient(partials.array(), partials.offset(item), dY.floats(), dY.offset() + start,
                            branch.floats(), branch.offset() + start, width, start, mask.key(), mask.threshold(row),
                            mask.factor());
                }
                addRow(dBranch.floats(), dBranch.offset() + start, dY.floats(), dY.offset() + start, null, 0,
                        scaled ? scale.floats() : null, scaled ? scale.offset() : 0, width, start, mask.key(),
                        mask.threshold(row), mask.factor());
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
            int index, int key, int threshold, float factor) {
        for (int j = 0; j < width; j += LANES) {
            VectorMask<Float> lanes = Simd.first(width - j);
            FloatVector d = drop(FloatVector.fromArray(FLOATS, dY, dYOffset + j, lanes), index + j, key, threshold,
                    factor);
            d.fma(FloatVector.fromArray(FLOATS, branch, branchOffset + j, lanes),
                    FloatVector.fromArray(FLOATS, sums, sumOffset + j, lanes)).intoArray(sums, sumOffset + j, lanes);
        }
    }

    /** v scaled by {@code factor} where {@link Dropout#keeps} keeps the elements from {@code index} on, else 0. */
    private static FloatVector drop(FloatVector v, int index, int key, int threshold, float factor) {
        FloatVector scaled = v.mul(factor);
        if (threshold == 0) {
            return scaled;
        }
        IntVector hash = mix(mix(LANE_NUMBERS.add(index)).lanewise(VectorOperators.XOR, key));
        VectorMask<Integer> dropped =
                hash.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.LT, threshold);
        return scaled.blend(0f, dropped.cast(FLOATS));
    }

    /** {@link Dropout#mix} of each lane. */
    private static IntVector mix(IntVector x) {
        x = x.add(0x9e3779b9);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16)).mul(0x7feb352d);
        x = x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 15)).mul(0x846ca68b);
        return x.lanewise(VectorOperators.XOR, x.lanewise(VectorOperators.LSHR, 16));
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

        int key() {
            return elementKey;
        }

        /** The threshold for the elements of a row. */
        int threshold(int row) {
            boolean dropped = dropout.pathRate() > 0
                    && !Dropout.keeps(row / rowsPerEntry, entryKey, Dropout.threshold(dropout.pathRate()));
            return dropped ? ALL : Dropout.threshold(dropout.rate());
        }

        /** What kept elements are multiplied by. */
        float factor() {
            return (float) (1 / ((1 - (double) dropout.rate()) * (1 - (double) dropout.pathRate())));
        }
    }
}
