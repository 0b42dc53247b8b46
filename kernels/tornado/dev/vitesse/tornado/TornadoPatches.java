// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Patch projection: patches become the rows of a matrix, {@link TornadoLinear} multiplies, tokens are put together. The
 * kernels here only copy and add, one work-item per element written; bound by memory. Patches are numbered row by row; grid
 * is their number along a side, N = grid^2.
 */
final class TornadoPatches {
    private static final TornadoKernel GATHER = new TornadoKernel("gather_patches", "gatherPatches", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPatches::gatherPatches, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.GATHER_PATCHES);
    private static final TornadoKernel SCATTER = new TornadoKernel("scatter_patches", "scatterPatches", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPatches::scatterPatches, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.SCATTER_PATCHES);
    private static final TornadoKernel ASSEMBLE = new TornadoKernel("assemble_tokens", "assembleTokens", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPatches::assembleTokens, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.ASSEMBLE_TOKENS);
    private static final TornadoKernel PATCH_ROWS = new TornadoKernel("patch_rows", "patchRows", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPatches::patchRows, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.PATCH_ROWS);
    private static final TornadoKernel BATCH_SUMS = new TornadoKernel("batch_sums", "batchSums", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoPatches::batchSums, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.BATCH_SUMS);

    private TornadoPatches() {}

    /** Sizes of the projection: patches of all images are rows, a patch has {@code length} elements. */
    private record Sizes(int batch, int channels, int side, int patch, int tokens, int width) {
        static Sizes of(Tensor tokens, Tensor images, Tensor weight) {
            return new Sizes(tokens.dim(0), images.dim(1), images.dim(2), weight.dim(2), tokens.dim(1), tokens.dim(2));
        }

        int grid() {
            return side / patch;
        }

        int patches() {
            return grid() * grid();
        }

        int prefix() {
            return tokens - patches();
        }

        int rows() {
            return batch * patches();
        }

        int length() {
            return channels * patch * patch;
        }
    }

    static void forward(
            Recording r, Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix,
            Tensor position) {
        Sizes s = Sizes.of(tokens, images, weight);
        int patches = gather(r, images, s);
        int projected = r.scratch((long) s.rows() * s.width());
        TornadoLinear.product(r, new TornadoLinear.Product(projected, patches, r.at(weight), s.rows(), s.width(),
                s.length(), TornadoLinear.FORWARD), bias);
        int elements = (int) tokens.elements();
        r.launchOver(ASSEMBLE, elements, r.at(tokens), projected, r.at(prefix), r.at(position), elements, s.tokens(),
                s.width(), s.prefix(), position.dim(0));
    }

    static void backward(
            Recording r, @Nullable Tensor dImages, Tensor dWeight, Tensor dBias, @Nullable Tensor dPrefix,
            @Nullable Tensor dPosition, Tensor dTokens, Tensor images, Tensor weight) {
        Sizes s = Sizes.of(dTokens, images, weight);
        int patches = gather(r, images, s);
        int dRows = r.scratch((long) s.rows() * s.width());
        int elements = s.rows() * s.width();
        r.launchOver(PATCH_ROWS, elements, dRows, r.at(dTokens), elements, s.patches(), s.width(), s.prefix());
        TornadoLinear.backwardWeight(r, r.at(dWeight), dRows, patches, s.width(), s.length(), s.rows());
        TornadoReduce.columnSums(r, r.at(dBias), dRows, s.rows(), s.width());
        if (dPrefix != null) {
            batchSums(r, dPrefix, dTokens, s, s.prefix(), 0);
        }
        if (dPosition != null) {
            int prefixPositions = dPosition.dim(0) - s.patches();
            batchSums(r, dPosition, dTokens, s, prefixPositions, s.prefix() - prefixPositions);
        }
        if (dImages != null) {
            // dPatches = dTokens weight, each patch back to its place; the patches themselves are not needed any more.
            TornadoLinear.product(r, new TornadoLinear.Product(patches, dRows, r.at(weight), s.rows(), s.length(),
                    s.width(), TornadoLinear.BACKWARD_INPUT), null);
            movePatches(r, SCATTER, patches, r.at(dImages), s);
        }
    }

    private static int gather(Recording r, Tensor images, Sizes s) {
        int patches = r.scratch((long) s.rows() * s.length());
        movePatches(r, GATHER, patches, r.at(images), s);
        return patches;
    }

    private static void movePatches(Recording r, TornadoKernel kernel, int patches, int images, Sizes s) {
        int elements = Math.multiplyExact(s.rows(), s.length());
        r.launchOver(kernel, elements, patches, images, elements, s.channels(), s.grid(), s.patch());
    }

    private static void batchSums(Recording r, Tensor y, Tensor dTokens, Sizes s, int split, int shift) {
        int elements = (int) y.elements();
        r.launchOver(BATCH_SUMS, elements, r.at(y), r.at(dTokens), elements, s.batch(), s.tokens(), s.width(), split, shift);
    }

    /**
     * patches[b N + n, (c P + i) P + j] = images[b, c, py P + i, px P + j] with n = py grid + px. Parameters: patches,
     * images, elements, channels, grid, P.
     */
    static void gatherPatches(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int pixel = pixel(i, p.get(o + 3), p.get(o + 4), p.get(o + 5));
            floats.set(p.get(o) + i, floats.get(p.get(o + 1) + pixel));
        }
    }

    /** The reverse: every pixel belongs to one patch, so this is a copy too. */
    static void scatterPatches(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int pixel = pixel(i, p.get(o + 3), p.get(o + 4), p.get(o + 5));
            floats.set(p.get(o + 1) + pixel, floats.get(p.get(o) + i));
        }
    }

    /** The index in images of element {@code index} of the patches. */
    private static int pixel(int index, int channels, int grid, int patch) {
        int j = index % patch;
        int i = index / patch % patch;
        int channel = index / (patch * patch) % channels;
        int row = index / (patch * patch * channels);
        int px = row % grid;
        int py = row / grid % grid;
        int image = row / (grid * grid);
        int side = grid * patch;
        return ((image * channels + channel) * side + py * patch + i) * side + px * patch + j;
    }

    /**
     * tokens[b, t, :] = prefix[t] (+ position[t] if t &lt; Q - N) for t &lt; R, else projected[b, t - R] + position[Q - T + t].
     * Parameters: tokens, projected, prefix, position, elements of tokens, T, D, R, Q.
     */
    static void assembleTokens(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 4); i += context.globalGroupSizeX) {
            int tokens = p.get(o + 5);
            int width = p.get(o + 6);
            int prefix = p.get(o + 7);
            int positions = p.get(o + 8);
            int column = i % width;
            int t = i / width % tokens;
            int image = i / width / tokens;
            int source = p.get(o + 1) + (image * (tokens - prefix) + t - prefix) * width + column;
            int at = positions - tokens + t;
            if (t < prefix) {
                source = p.get(o + 2) + t * width + column;
                at = t;
                if (t >= positions - (tokens - prefix)) {
                    at = -1;
                }
            }
            float value = floats.get(source);
            if (at >= 0) {
                value = value + floats.get(p.get(o + 3) + at * width + column);
            }
            floats.set(p.get(o) + i, value);
        }
    }

    /** rows[b, n, :] = tokens[b, R + n, :]. Parameters: rows, tokens, elements of rows, N, D, R. */
    static void patchRows(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int patches = p.get(o + 3);
            int width = p.get(o + 4);
            int prefix = p.get(o + 5);
            int image = i / (width * patches);
            floats.set(p.get(o) + i, floats.get(p.get(o + 1) + (image + 1) * prefix * width + i));
        }
    }

    /**
     * y[k, :] = sum of dTokens[b, token(k), :] over the batch, token(k) = k for k &lt; split, else k + shift: the gradient of
     * prefix tokens and positions. Parameters: y, dTokens, elements of y, B, T, D, split, shift.
     */
    static void batchSums(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 2); i += context.globalGroupSizeX) {
            int stride = p.get(o + 4) * p.get(o + 5);
            int from = p.get(o + 1) + i;
            if (i / p.get(o + 5) >= p.get(o + 6)) {
                from = from + p.get(o + 7) * p.get(o + 5);
            }
            float sum = 0f;
            for (int b = 0; b < p.get(o + 3); b++) {
                sum = sum + floats.get(from + b * stride);
            }
            floats.set(p.get(o) + i, sum);
        }
    }
}
