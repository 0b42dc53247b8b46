// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.cpu.CpuPatches.PatchGrid;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Patch embedding, backward. dWeight is summed by chunks of images; the sum of dTokens over the batch, [T, D], gives
 * the gradients of bias, prefix and position; dImages is a product with the weight, copied back into the images.
 */
final class CpuPatchesBackward {
    /** Chunks of images, fewer where there are fewer images. */
    private static final int CHUNKS = 16;

    private final CpuBackend backend;
    private final CpuTensor dTokens;
    private final CpuTensor images;
    private final PatchGrid grid;
    private final int batch;
    private final int tokens;
    private final int width;
    private final Split chunks;
    private final Split blocks;
    private final Partials partials;
    /** Where a block of an image's gradient lies in the working memory. */
    private final int imagePatches;
    /** The sum of dTokens over the batch. */
    private final float[] tokenSums;

    private CpuPatchesBackward(CpuBackend backend, CpuTensor dTokens, CpuTensor images, CpuTensor weight) {
        this.backend = backend;
        this.dTokens = dTokens;
        this.images = images;
        grid = PatchGrid.of(images, weight);
        batch = dTokens.dim(0);
        tokens = dTokens.dim(1);
        width = dTokens.dim(2);
        chunks = new Split(batch, Math.max(1, Math.ceilDiv(batch, CHUNKS)));
        blocks = new Split(grid.patches(), Math.min(CpuWeightGradient.BLOCK_ROWS, Math.max(1, grid.patches())));
        partials = new Partials(backend, chunks.count(), width * grid.elements());
        tokenSums = CpuBuffer.allocateFloats("sum of dTokens", (long) tokens * width);
        long patchRows = (long) blocks.size() * grid.elements();
        imagePatches = Gemm.workSize(blocks.size(), width);
        backend.reserveScratch(Math.max(imagePatches, CpuWeightGradient.scratchSize(width, grid.elements())) + patchRows);
    }

    static Runnable of(
            CpuBackend backend, @Nullable CpuTensor dImages, CpuTensor dWeight, CpuTensor dBias,
            @Nullable CpuTensor dPrefix, @Nullable CpuTensor dPosition, CpuTensor dTokens, CpuTensor images,
            CpuTensor weight) {
        CpuPatchesBackward op = new CpuPatchesBackward(backend, dTokens, images, weight);
        ThreadTeam.Task weightTask = op::addWeightGradient;
        ThreadTeam.Task sumTask = op::sumTokens;
        PackedWeight packed = dImages == null ? null : weight.packed(false);
        ThreadTeam.Task imageTask =
                dImages == null ? null : (item, worker) -> op.writeImageGradient(dImages, packed, item, worker);
        return () -> {
            ThreadTeam team = backend.team();
            team.run(op.chunks.count(), weightTask);
            op.partials.sum(dWeight.floats(), dWeight.offset(), 0, dWeight.size());
            team.run(op.tokens, sumTask);
            op.writeTokenSums(dBias, dPrefix, dPosition);
            if (imageTask != null) {
                packed.refresh(team);
                team.run(op.batch * op.blocks.count(), imageTask);
            }
        };
    }

    private void addWeightGradient(int chunk, int worker) {
        float[] scratch = backend.scratch(worker);
        int elements = grid.elements();
        int rows = (int) CpuWeightGradient.scratchSize(width, elements);
        boolean narrow = NarrowWeightGradient.suits(width, elements);
        boolean accumulate = false;
        if (narrow) {
            Arrays.fill(partials.array(), partials.offset(chunk), partials.offset(chunk + 1), 0f);
        }
        for (int image = chunks.first(chunk); image < chunks.end(chunk); image++) {
            for (int block = 0; block < blocks.count(); block++) {
                int first = blocks.first(block);
                int end = blocks.end(block);
                grid.read(images.floats(), images.offset() + image * grid.imageElements(), first, end, scratch, rows);
                if (narrow) {
                    NarrowWeightGradient.addProduct(dTokens.floats(), patchToken(image, first), width, scratch, rows,
                            elements, end - first, partials.array(), partials.offset(chunk));
                } else {
                    CpuWeightGradient.addBlock(scratch, end - first, dTokens.floats(), patchToken(image, first), width,
                            width, scratch, rows, elements, elements, partials.array(), partials.offset(chunk),
                            elements, accumulate);
                }
                accumulate = true;
            }
        }
    }

    /** Index of the token of a patch in dTokens. */
    private int patchToken(int image, int patch) {
        return dTokens.offset() + (image * tokens + tokens - grid.patches() + patch) * width;
    }

    private void sumTokens(int token, int worker) {
        CpuWeightGradient.sumRows(dTokens.floats(), dTokens.offset() + token * width, tokens * width, batch, width,
                tokenSums, token * width, false);
    }

    private void writeTokenSums(CpuTensor dBias, @Nullable CpuTensor dPrefix, @Nullable CpuTensor dPosition) {
        int prefixTokens = tokens - grid.patches();
        int firstPatch = prefixTokens * width;
        CpuWeightGradient.sumRows(tokenSums, firstPatch, width, grid.patches(), width, dBias.floats(), dBias.offset(),
                false);
        if (dPrefix != null) {
            System.arraycopy(tokenSums, 0, dPrefix.floats(), dPrefix.offset(), firstPatch);
        }
        if (dPosition != null) {
            int prefixed = (dPosition.dim(0) - grid.patches()) * width;
            System.arraycopy(tokenSums, 0, dPosition.floats(), dPosition.offset(), prefixed);
            System.arraycopy(tokenSums, firstPatch, dPosition.floats(), dPosition.offset() + prefixed,
                    grid.patches() * width);
        }
    }

    private void writeImageGradient(CpuTensor dImages, PackedWeight weight, int item, int worker) {
        int image = item / blocks.count();
        int first = blocks.first(item % blocks.count());
        int end = blocks.end(item % blocks.count());
        float[] scratch = backend.scratch(worker);
        int elements = grid.elements();
        Gemm.multiply(width, dTokens.floats(), patchToken(image, first), width, end - first, weight.panels(), 0,
                elements, 0, Gemm.panels(elements), null, scratch, imagePatches, elements, null, 0, 0, scratch, 0);
        grid.write(dImages.floats(), dImages.offset() + image * grid.imageElements(), first, end, scratch, imagePatches);
    }
}
