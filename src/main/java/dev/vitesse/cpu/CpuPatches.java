// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Patch embedding, forward. An item is a block of an image's patches: they are copied out of the image into rows of C P
 * P elements and multiplied like a linear layer's input.
 */
final class CpuPatches implements ThreadTeam.Task {
    static final int BLOCK_ROWS = 96;
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;

    private final CpuBackend backend;
    private final CpuTensor tokens;
    private final CpuTensor images;
    private final PackedWeight weight;
    private final CpuTensor bias;
    private final @Nullable CpuTensor prefix;
    private final CpuTensor position;
    private final PatchGrid grid;
    private final int width;
    private final int prefixTokens;
    private final Split rows;
    /** Where a block of patches lies in the working memory. */
    private final int patches;
    private final float[] init;

    private CpuPatches(
            CpuBackend backend, CpuTensor tokens, CpuTensor images, CpuTensor weight, CpuTensor bias,
            @Nullable CpuTensor prefix, CpuTensor position) {
        this.backend = backend;
        this.tokens = tokens;
        this.images = images;
        this.weight = weight.packed(true);
        this.bias = bias;
        this.prefix = prefix;
        this.position = position;
        grid = PatchGrid.of(images, weight);
        width = tokens.dim(2);
        prefixTokens = tokens.dim(1) - grid.patches();
        rows = new Split(grid.patches(), BLOCK_ROWS);
        init = CpuBuffer.allocateFloats("bias of patches", Gemm.padded(width));
        patches = Gemm.workSize(BLOCK_ROWS, grid.elements());
        backend.reserveScratch(patches + (long) BLOCK_ROWS * grid.elements());
    }

    static Runnable forward(
            CpuBackend backend, CpuTensor tokens, CpuTensor images, CpuTensor weight, CpuTensor bias,
            @Nullable CpuTensor prefix, CpuTensor position) {
        return new CpuPatches(backend, tokens, images, weight, bias, prefix, position)::run;
    }

    private void run() {
        weight.refresh(backend.team());
        System.arraycopy(bias.floats(), bias.offset(), init, 0, width);
        backend.team().run(tokens.dim(0) * rows.count(), this);
    }

    @Override
    public void run(int item, int worker) {
        int image = item / rows.count();
        int first = rows.first(item % rows.count());
        int end = rows.end(item % rows.count());
        float[] scratch = backend.scratch(worker);
        int depth = grid.elements();
        int out = tokens.offset() + image * tokens.dim(1) * width;
        if (first == 0) {
            writePrefix(out);
        }
        grid.read(images.floats(), images.offset() + image * grid.imageElements(), first, end, scratch, patches);
        int positions = position.dim(0) - grid.patches();
        if (NarrowLinear.suits(depth, width)) {
            int start = out + (prefixTokens + first) * width;
            NarrowLinear.multiply(depth, scratch, patches, end - first, weight.panels(), weight.panelsOffset(), width,
                    init, tokens.floats(), start);
            CpuLinear.addRows(1, (end - first) * width, tokens.floats(), start, 0, position.floats(),
                    position.offset() + (positions + first) * width, tokens.floats(), start, 0);
            return;
        }
        Gemm.multiply(depth, scratch, patches, depth, end - first, weight.panels(), weight.panelsOffset(), width, 0,
                Gemm.panels(width), init, tokens.floats(), out + (prefixTokens + first) * width, width,
                position.floats(), position.offset() + (positions + first) * width, width, scratch, 0);
    }

    /** The class token and others, with the positions that there are for them. */
    private void writePrefix(int out) {
        if (prefix == null) {
            return;
        }
        int count = prefixTokens * width;
        System.arraycopy(prefix.floats(), prefix.offset(), tokens.floats(), out, count);
        int positioned = (position.dim(0) - grid.patches()) * width;
        for (int i = 0; i < positioned; i++) {
            tokens.floats()[out + i] += position.floats()[position.offset() + i];
        }
    }

    /**
     * Where patches lie in an image.
     *
     * @param channels C
     * @param side S
     * @param patch P
     */
    record PatchGrid(int channels, int side, int patch) {
        static PatchGrid of(CpuTensor images, CpuTensor weight) {
            return new PatchGrid(images.dim(1), images.dim(2), weight.dim(2));
        }

        int perSide() {
            return side / patch;
        }

        /** N. */
        int patches() {
            return perSide() * perSide();
        }

        /** Of a patch: C P P. */
        int elements() {
            return channels * patch * patch;
        }

        int imageElements() {
            return channels * side * side;
        }

        /** Copies patches of the image at {@code image} into rows. */
        void read(float[] images, int image, int first, int end, float[] rows, int target) {
            if (patch != FOUR.length()) {
                copy(images, image, first, end, rows, target, true);
                return;
            }
            int count;
            for (int n = first; n < end; n += count) {
                count = Math.min(perSide() - n % perSide(), end - n);
                int corner = image + n / perSide() * patch * side + n % perSide() * patch;
                for (int channel = 0; channel < channels; channel++) {
                    readFours(images, corner + channel * side * side, side, count, rows,
                            target + (n - first) * elements() + channel * patch * patch, elements());
                }
            }
        }

        /**
         * {@code count} patches side by side, of four lines of four: all lines of a patch at once, because loops over four
         * lines or four elements would cost more than the copy.
         */
        private static void readFours(
                float[] image, int corner, int side, int count, float[] rows, int target, int elements) {
            for (int i = 0; i < count; i++) {
                FloatVector line0 = fromArray(FOUR, image, corner + 4 * i);
                FloatVector line1 = fromArray(FOUR, image, corner + side + 4 * i);
                FloatVector line2 = fromArray(FOUR, image, corner + 2 * side + 4 * i);
                FloatVector line3 = fromArray(FOUR, image, corner + 3 * side + 4 * i);
                int to = target + i * elements;
                line0.intoArray(rows, to);
                line1.intoArray(rows, to + 4);
                line2.intoArray(rows, to + 8);
                line3.intoArray(rows, to + 12);
            }
        }

        /** Copies rows back to where their patches lie. */
        void write(float[] images, int image, int first, int end, float[] rows, int source) {
            copy(images, image, first, end, rows, source, false);
        }

        private void copy(float[] images, int image, int first, int end, float[] rows, int row, boolean read) {
            int to = row;
            for (int n = first; n < end; n++) {
                int corner = image + n / perSide() * patch * side + n % perSide() * patch;
                for (int channel = 0; channel < channels; channel++) {
                    int from = corner + channel * side * side;
                    if (read) {
                        copyLines(images, from, side, rows, to, patch, patch);
                    } else {
                        copyLines(rows, to, patch, images, from, side, patch);
                    }
                    to += patch * patch;
                }
            }
        }

        /** A square of {@code size} by {@code size}. */
        private static void copyLines(
                float[] a, int aOffset, int aStride, float[] b, int bOffset, int bStride, int size) {
            if (size == FOUR.length()) {
                copyFours(a, aOffset, aStride, b, bOffset, bStride);
                return;
            }
            for (int line = 0; line < size; line++) {
                System.arraycopy(a, aOffset + line * aStride, b, bOffset + line * bStride, size);
            }
        }

        /** Four lines of four, each so short that the call of arraycopy would cost more than the copy. */
        private static void copyFours(float[] a, int aOffset, int aStride, float[] b, int bOffset, int bStride) {
            for (int line = 0; line < 4; line++) {
                fromArray(FOUR, a, aOffset + line * aStride).intoArray(b, bOffset + line * bStride);
            }
        }
    }
}
