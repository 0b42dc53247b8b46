// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The patch embedding: patches are copied into the rows of a matrix [B N, C P P], so that the projection is a product
 * like any other. Kernels in {@code patches.cl} and {@code linear.cl}.
 */
final class OpenClPatches {
    private static final String FILE = "patches";

    private OpenClPatches() {}

    /** Sizes of an embedding. */
    private record Sizes(int batch, int channels, int side, int patch, int grid, int tokens, int width) {
        static Sizes of(Tensor tokens, Tensor images, int patch) {
            return new Sizes(images.dim(0), images.dim(1), images.dim(2), patch, images.dim(2) / patch, tokens.dim(1),
                    tokens.dim(2));
        }

        int patches() {
            return grid * grid;
        }

        int prefixTokens() {
            return tokens - patches();
        }

        /** Rows of the patch matrix. */
        int rows() {
            return batch * patches();
        }

        /** Elements of a patch. */
        int length() {
            return channels * patch * patch;
        }
    }

    static void forward(
            Recording r,
            Tensor tokens,
            Tensor images,
            Tensor weight,
            Tensor bias,
            @Nullable Tensor prefix,
            Tensor position) {
        Sizes s = Sizes.of(tokens, images, weight.dim(2));
        Operand.Scratch patches = gather(r, images, s);
        Operand.Scratch projected = r.scratch((long) s.rows() * s.width());
        OpenClLinear.product(r, new OpenClLinear.Product(projected, patches, r.own(weight), s.rows(), s.width(),
                s.length(), true, true), r.own(bias), OpenClLinear.Ending.NONE);
        int vector = r.vector(s.width(), tokens, prefix, position);
        r.kernel(FILE, "assemble_tokens", vector)
                .tensors(tokens).with(projected).tensors(prefix, position)
                .with(s.width() / vector).with(s.prefixTokens()).with(position.dim(0))
                .over(r.tuning().get("columns.ITEMS"), s.width() / vector, s.tokens(), s.batch());
    }

    static void backwardWeight(Recording r, Tensor dWeight, Tensor dBias, Tensor dTokens, Tensor images) {
        Sizes s = Sizes.of(dTokens, images, dWeight.dim(2));
        Operand.Scratch patches = gather(r, images, s);
        Operand.Scratch dRows = patchRows(r, dTokens, s);
        OpenClLinear.backwardWeight(
                r, r.own(dWeight), r.own(dBias), dRows, patches, s.rows(), s.width(), s.length());
    }

    /** The gradients of what is added to every image alike: sums over the batch. */
    static void backwardTokens(
            Recording r,
            @Nullable Tensor dPrefix,
            @Nullable Tensor dPosition,
            Tensor dTokens,
            Tensor images,
            Tensor weight) {
        Sizes s = Sizes.of(dTokens, images, weight.dim(2));
        if (dPrefix != null) {
            batchSums(r, dPrefix, dTokens, s.prefixTokens(), 0);
        }
        if (dPosition != null) {
            int prefixPositions = dPosition.dim(0) - s.patches();
            batchSums(r, dPosition, dTokens, prefixPositions, s.prefixTokens() - prefixPositions);
        }
    }

    /** dPatches = dTokens weight, each patch back to its place. */
    static void backwardImages(Recording r, Tensor dImages, Tensor dTokens, Tensor weight) {
        Sizes s = Sizes.of(dTokens, dImages, weight.dim(2));
        Operand.Scratch dRows = patchRows(r, dTokens, s);
        Operand.Scratch dPatches = r.scratch((long) s.rows() * s.length());
        OpenClLinear.product(r, new OpenClLinear.Product(dPatches, dRows, r.own(weight), s.rows(), s.length(),
                s.width(), true, false), null, OpenClLinear.Ending.NONE);
        int vector = r.vector(s.patch(), dImages);
        overPatches(r, r.kernel(FILE, "scatter_patches", vector).tensors(dImages).with(dPatches), s, vector);
    }

    private static Operand.Scratch gather(Recording r, Tensor images, Sizes s) {
        Operand.Scratch patches = r.scratch((long) s.rows() * s.length());
        int vector = r.vector(s.patch(), images);
        overPatches(r, r.kernel(FILE, "gather_patches", vector).with(patches).tensors(images), s, vector);
        return patches;
    }

    private static void overPatches(Recording r, Launch.Builder kernel, Sizes s, int vector) {
        kernel.with(s.channels()).with(s.grid()).with(s.patch()).with(s.patch() / vector)
                .over(r.tuning().get("columns.ITEMS"), s.length() / vector, s.rows());
    }

    private static Operand.Scratch patchRows(Recording r, Tensor dTokens, Sizes s) {
        Operand.Scratch rows = r.scratch((long) s.rows() * s.width());
        int vector = r.vector(s.width(), dTokens);
        r.kernel(FILE, "patch_rows", vector)
                .with(rows).tensors(dTokens).with(s.width() / vector).with(s.prefixTokens())
                .over(r.tuning().get("columns.ITEMS"), s.width() / vector, s.patches(), s.batch());
        return rows;
    }

    private static void batchSums(Recording r, Tensor y, Tensor dTokens, int split, int shift) {
        int vector = r.vector(y.dim(1), y, dTokens);
        r.kernel(FILE, "batch_sums", vector)
                .tensors(y, dTokens).with(dTokens.dim(0)).with(dTokens.dim(1)).with(y.dim(1) / vector)
                .with(split).with(shift)
                .over(r.tuning().get("columns.ITEMS"), y.dim(1) / vector, y.dim(0));
    }
}
