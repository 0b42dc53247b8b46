// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * The patch embedding of models with LayerNorms round the projection ({@link VitConfig#projectionNorms}). The fused
 * operation has no place for them, so its parts are done one by one: {@link Kernels#patchEmbedding} with the identity as
 * its weight cuts out the patches; then norm, projection, norm; then patches, tokens and positions are put together
 * image by image. E = C P P, elements of a patch.
 */
final class NormedPatches implements AutoCloseable {
    private final VitConfig config;
    /** [E, C, P, P]. */
    private final Tensor identity;
    /** Zeros for what cutting out does not need: [E] and [N, E]. */
    private final Tensor noBias;
    private final Tensor noPosition;

    /** Makes a tensor that lives as long as its owner. */
    interface Allocator {
        Tensor allocate(String name, int... shape);
    }

    /** What the forward pass writes. */
    static final class Activations {
        /** [B, N, E]. */
        final Tensor patches;
        final Tensor mean;
        final Tensor rstd;
        /** [B, N, E]. */
        final Tensor norm;
        /** [B, N, D]. */
        final Tensor projected;
        final Tensor projectedMean;
        final Tensor projectedRstd;
        /** [B, N, D]. */
        final Tensor projectedNorm;

        /** @param allocator puts the batch axis before a shape */
        Activations(VitConfig config, Allocator allocator) {
            int count = config.patches();
            patches = allocator.allocate("patches", count, config.patchElements());
            mean = allocator.allocate("patch pre_norm mean", count);
            rstd = allocator.allocate("patch pre_norm rstd", count);
            norm = allocator.allocate("patch pre_norm", count, config.patchElements());
            projected = allocator.allocate("projected", count, config.width());
            projectedMean = allocator.allocate("patch norm mean", count);
            projectedRstd = allocator.allocate("patch norm rstd", count);
            projectedNorm = allocator.allocate("patch norm", count, config.width());
        }
    }

    /** What the backward pass works in. */
    static final class Gradients {
        /** [B, N, E]. */
        final Tensor dPatches;
        /** [B, N, E]. */
        final Tensor dNorm;
        /** [B, N, D]. */
        final Tensor dProjected;
        /** [B, N, D]. */
        final Tensor dProjectedNorm;
        /** Weight gradients that nobody reads: of the fused operation [D, C, P, P], [D], of the identity, and [E]. */
        final Tensor dWeight;
        final Tensor dBias;
        final Tensor dIdentity;
        final Tensor dNoBias;

        Gradients(VitConfig c, int batch, Allocator allocator) {
            int elements = c.patchElements();
            dPatches = allocator.allocate("dPatches", batch, c.patches(), elements);
            dNorm = allocator.allocate("patch dNorm", batch, c.patches(), elements);
            dProjected = allocator.allocate("dProjected", batch, c.patches(), c.width());
            dProjectedNorm = allocator.allocate("dProjectedNorm", batch, c.patches(), c.width());
            dWeight = allocator.allocate("unused dWeight", c.width(), c.channels(), c.patchSize(), c.patchSize());
            dBias = allocator.allocate("unused dBias", c.width());
            dIdentity = allocator.allocate("dIdentity", elements, c.channels(), c.patchSize(), c.patchSize());
            dNoBias = allocator.allocate("unused dBias of patches", elements);
        }
    }

    NormedPatches(VitConfig config, Backend backend) {
        this.config = config;
        int elements = config.patchElements();
        float[] diagonal = new float[Math.multiplyExact(elements, elements)];
        for (int i = 0; i < elements; i++) {
            diagonal[i * elements + i] = 1;
        }
        identity = backend.tensor("identity", elements, config.channels(), config.patchSize(), config.patchSize());
        identity.write(diagonal);
        noBias = backend.tensor("no bias", elements);
        noPosition = backend.tensor("no position", config.patches(), elements);
    }

    /** Schedules everything from {@code a.images} to {@code a.embedded}. */
    void forward(Kernels k, dev.vitesse.model.Activations a, Parameters weights, Tensor position) {
        Activations p = a.normedPatches;
        float epsilon = config.layerNormEpsilon();
        k.patchEmbedding(p.patches, a.images, identity, noBias, null, noPosition);
        k.layerNorm(p.norm, p.mean, p.rstd, p.patches, weights.get("patch_embed.pre_norm.weight"),
                weights.get("patch_embed.pre_norm.bias"), epsilon);
        k.linear(p.projected, p.norm, matrix(weights), weights.get("patch_embed.proj.bias"), Epilogue.NONE);
        k.layerNorm(p.projectedNorm, p.projectedMean, p.projectedRstd, p.projected,
                weights.get("patch_embed.norm.weight"), weights.get("patch_embed.norm.bias"), epsilon);
        int prefix = config.prefixTokens();
        int positioned = config.positionedPrefix();
        Tensor tokens = weights.prefix();
        for (int b = 0; b < a.batch(); b++) {
            Tensor embedded = a.embedded.slice(b);
            if (positioned > 0) {
                add(k, embedded.rows(0, positioned), tokens.rows(0, positioned), position.rows(0, positioned));
            }
            if (prefix > positioned) {
                int rest = prefix - positioned;
                add(k, embedded.rows(positioned, rest), tokens.rows(positioned, rest), null);
            }
            add(k, embedded.rows(prefix, config.patches()), p.projectedNorm.slice(b),
                    position.rows(positioned, config.patches()));
        }
    }

    private static void add(Kernels k, Tensor y, Tensor a, @Nullable Tensor b) {
        k.residualAdd(y, a, b, null, Dropout.NONE, null);
    }

    /** Schedules everything from {@code g.dEmbedded} to the gradients of parameters and images. */
    void backward(Kernels k, dev.vitesse.model.Activations a, ActivationGradients g, Parameters weights, Parameters d) {
        Activations p = a.normedPatches;
        Gradients q = g.normedPatches;
        // Tokens and positions get theirs as without norms; what the operation finds for the weight is overwritten.
        k.patchEmbeddingBackward(null, q.dWeight, q.dBias, d.prefix(), d.getOrNull("pos_embed"), g.dEmbedded, a.images,
                weights.get("patch_embed.proj.weight"));
        for (int b = 0; b < a.batch(); b++) {
            Tensor dPatches = g.dEmbedded.slice(b).rows(config.prefixTokens(), config.patches());
            k.residualAddBackward(q.dProjectedNorm.slice(b), null, dPatches, null, null, Dropout.NONE, null);
        }
        k.fill(q.dProjected, 0);
        k.layerNormBackward(q.dProjected, d.get("patch_embed.norm.weight"), d.get("patch_embed.norm.bias"),
                q.dProjectedNorm, p.projected, p.projectedMean, p.projectedRstd, weights.get("patch_embed.norm.weight"));
        k.linearBackwardWeight(matrix(d), d.get("patch_embed.proj.bias"), q.dProjected, p.norm);
        k.linearBackwardInput(q.dNorm, q.dProjected, matrix(weights), Epilogue.NONE);
        k.fill(q.dPatches, 0);
        k.layerNormBackward(q.dPatches, d.get("patch_embed.pre_norm.weight"), d.get("patch_embed.pre_norm.bias"),
                q.dNorm, p.patches, p.mean, p.rstd, weights.get("patch_embed.pre_norm.weight"));
        if (g.dImages != null) {
            k.patchEmbeddingBackward(g.dImages, q.dIdentity, q.dNoBias, null, null, q.dPatches, a.images, identity);
        }
    }

    /** The projection as a matrix: [D, E]. */
    private Tensor matrix(Parameters parameters) {
        return parameters.get("patch_embed.proj.weight").reshape(config.width(), config.patchElements());
    }

    @Override
    public void close() {
        identity.close();
        noBias.close();
        noPosition.close();
    }
}
