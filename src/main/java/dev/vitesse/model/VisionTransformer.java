// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * A Vision Transformer (Dosovitskiy et al. 2021, arXiv:2010.11929) on a device: its weights, and its forward and
 * backward pass. This is the only place that knows the order of operations; shapes are in the package's description.
 */
public final class VisionTransformer implements AutoCloseable {
    private final VitConfig config;
    private final Backend backend;
    private final Parameters weights;
    private final Tensor position;
    /** One half for each class, where two heads are averaged; else null. */
    private final @Nullable Tensor half;
    private final @Nullable NormedPatches normedPatches;

    /** A model with all weights zero, to be filled by whoever loads them. */
    public VisionTransformer(VitConfig config, Backend backend) {
        this.config = config;
        this.backend = backend;
        weights = new Parameters(backend, config, "");
        if (config.position() == VitConfig.Position.LEARNED) {
            position = weights.get("pos_embed");
        } else {
            position = backend.tensor("position", config.positions(), config.width());
            position.write(Initialization.sinusoids(config.positions(), config.width()));
        }
        half = config.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION ? half(config, backend) : null;
        normedPatches = config.projectionNorms() ? new NormedPatches(config, backend) : null;
    }

    private static Tensor half(VitConfig config, Backend backend) {
        float[] values = new float[config.classes()];
        Arrays.fill(values, 0.5f);
        Tensor half = backend.tensor("half", config.classes());
        half.write(values);
        return half;
    }

    /** A model with freshly drawn weights; the same {@code seed} draws the same ones on every device. */
    public static VisionTransformer create(VitConfig config, Backend backend, long seed) {
        VisionTransformer model = new VisionTransformer(config, backend);
        Initialization.initialize(model.weights, config, seed);
        return model;
    }

    public VitConfig config() {
        return config;
    }

    public Backend backend() {
        return backend;
    }

    /** The learned tensors. */
    public Parameters weights() {
        return weights;
    }

    private static int checkBatch(int batch) {
        if (batch <= 0) {
            throw new IllegalArgumentException("batch is " + batch + "; it must be positive");
        }
        return batch;
    }

    /** The position embedding, learned or fixed: [Q, D]. */
    public Tensor position() {
        return position;
    }

    /** A recorded forward pass over batches of {@code batch} images. */
    public Inference inference(int batch) {
        return new Inference(this, new Activations(backend, config, checkBatch(batch), Activations.Purpose.INFERENCE));
    }

    /** A recorded forward pass over one image that keeps what every block computes. */
    public Intermediates intermediates() {
        return new Intermediates(this, new Activations(backend, config, 1, Activations.Purpose.INSPECTION));
    }

    /**
     * The tensors of a forward pass over {@code batch} images; with {@code training}, all that {@link #backward} needs.
     */
    public Activations activations(int batch, boolean training) {
        Activations.Purpose purpose = training ? Activations.Purpose.TRAINING : Activations.Purpose.INFERENCE;
        return new Activations(backend, config, batch, purpose);
    }

    /** The tensors of a backward pass over {@code batch} images, with {@code images} those images' gradient too. */
    public ActivationGradients activationGradients(int batch, boolean images) {
        return new ActivationGradients(backend, config, batch, images);
    }

    /** A set of tensors laid out like the weights, called {@code label}: gradients or an optimizer's moments. */
    public Parameters likeWeights(String label) {
        return new Parameters(backend, config, label);
    }

    /** Schedules the forward pass from {@code a.images()} to {@code a.logits()}. */
    public void forward(Kernels k, Activations a) {
        embed(k, a);
        for (int layer = 0; layer < config.depth(); layer++) {
            attentionBranch(k, a, layer);
            mlpBranch(k, a, layer);
        }
        head(k, a);
    }

    private void embed(Kernels k, Activations a) {
        if (normedPatches != null) {
            normedPatches.forward(k, a, weights, position);
        } else {
            k.patchEmbedding(a.embedded, a.images, weights.get("patch_embed.proj.weight"),
                    weights.get("patch_embed.proj.bias"), weights.prefix(), position);
        }
        if (dropsElements(a)) {
            Tensor y = config.patchNorm() ? a.embedded : a.x(0);
            k.residualAdd(y, a.embedded, null, null, embeddingDropout(), a.random);
        }
        if (config.patchNorm()) {
            k.layerNorm(a.x(0), a.embeddedMean, a.embeddedRstd, a.embedded, weights.get("norm_pre.weight"),
                    weights.get("norm_pre.bias"), config.layerNormEpsilon());
        }
    }

    private void attentionBranch(Kernels k, Activations a, int layer) {
        int i = 2 * layer;
        k.layerNorm(a.norm(i), a.mean(i), a.rstd(i), a.x(i), weights.get("norm1.weight", layer),
                weights.get("norm1.bias", layer), config.layerNormEpsilon());
        k.linear(a.qkv(layer), a.norm(i), weights.get("attn.qkv.weight", layer),
                weights.getOrNull("attn.qkv.bias", layer), Epilogue.NONE);
        k.attention(a.context(layer), a.logSumExp(layer), a.qkv(layer), config.heads());
        endBranch(k, a, i, a.context(layer), "attn.proj", "ls1.gamma");
    }

    private void mlpBranch(Kernels k, Activations a, int layer) {
        int i = 2 * layer + 1;
        Tensor hidden = a.hidden(layer);
        k.layerNorm(a.norm(i), a.mean(i), a.rstd(i), a.x(i), weights.get("norm2.weight", layer),
                weights.get("norm2.bias", layer), config.layerNormEpsilon());
        k.linear(hidden, a.norm(i), weights.get("mlp.fc1.weight", layer), weights.get("mlp.fc1.bias", layer),
                new Epilogue.Activate(config.activation(), a.preActivation(layer)));
        if (dropsElements(a)) {
            k.residualAdd(hidden, hidden, null, null, hiddenDropout(layer), a.random);
        }
        endBranch(k, a, i, hidden, "mlp.fc2", "ls2.gamma");
    }

    /** x(i + 1) = x(i) + drop(scale linear(input)), in one operation where nothing is scaled or dropped. */
    private void endBranch(Kernels k, Activations a, int i, Tensor input, String linear, String scale) {
        int layer = i / 2;
        Tensor weight = weights.get(linear + ".weight", layer);
        Tensor bias = weights.get(linear + ".bias", layer);
        if (a.branch(i) == null) {
            k.linear(a.x(i + 1), input, weight, bias, new Epilogue.Add(a.x(i)));
        } else {
            k.linear(a.branch(i), input, weight, bias, Epilogue.NONE);
            Dropout dropout = a.drops() ? branchDropout(i) : Dropout.NONE;
            k.residualAdd(a.x(i + 1), a.branch(i), a.x(i), weights.getOrNull(scale, layer), dropout, a.random);
        }
    }

    private void head(Kernels k, Activations a) {
        Tensor last = a.x(2 * config.depth());
        if (a.tokensNorm != null) {
            k.layerNorm(a.tokensNorm, a.finalMean, a.finalRstd, last, weights.get("norm.weight"),
                    weights.get("norm.bias"), config.layerNormEpsilon());
            k.pool(a.pooled, a.tokensNorm, firstPooled(), pooledTokens());
            if (a.pooled2 != null) {
                k.pool(a.pooled2, a.tokensNorm, firstPooled2(), pooledTokens2());
            }
        } else {
            k.pool(a.pooled, last, firstPooled(), pooledTokens());
            k.layerNorm(a.pooledNorm, a.finalMean, a.finalRstd, a.pooled, weights.get("fc_norm.weight"),
                    weights.get("fc_norm.bias"), config.layerNormEpsilon());
        }
        Tensor features = a.pooledOutput();
        for (int i = 0; i < a.headHidden.size(); i++) {
            String name = ParameterLayout.hiddenName(config, i);
            Tensor preActivation = a.keepsBlocks() ? a.headPreActivations.get(i) : null;
            k.linear(a.headHidden.get(i), features, weights.get(name + ".weight"), weights.get(name + ".bias"),
                    new Epilogue.Activate(Activation.TANH, preActivation));
            features = a.headHidden.get(i);
        }
        if (config.classes() > 0) {
            Tensor logits = a.headSum == null ? a.logits : a.headSum;
            k.linear(logits, features, weights.get("head.weight"), weights.get("head.bias"), Epilogue.NONE);
            secondHead(k, a, logits);
        }
    }

    /** Adds what the head makes of a second vector, where it reads two; with a head for each, halves the sum. */
    private void secondHead(Kernels k, Activations a, Tensor logits) {
        if (config.pooling() == VitConfig.Pooling.CLASS_AND_MEAN) {
            k.linear(logits, a.pooled2, weights.get("head_mean.weight"), null, new Epilogue.Add(logits));
        } else if (config.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION) {
            k.linear(logits, a.pooled2, weights.get("head_dist.weight"), weights.get("head_dist.bias"),
                    new Epilogue.Add(logits));
            k.residualAdd(a.logits, logits, null, half, Dropout.NONE, null);
        }
    }

    /**
     * Schedules the backward pass from {@code g.dLogits()} to every gradient in {@code d}, after {@link #forward} over
     * the same activations, which must be those of training.
     */
    public void backward(Kernels k, Activations a, ActivationGradients g, Parameters d) {
        headBackward(k, a, g, d);
        for (int layer = config.depth() - 1; layer >= 0; layer--) {
            mlpBranchBackward(k, a, g, d, layer);
            attentionBranchBackward(k, a, g, d, layer);
        }
        embedBackward(k, a, g, d);
    }

    private void headBackward(Kernels k, Activations a, ActivationGradients g, Parameters d) {
        Tensor dOutput = secondHeadBackward(k, a, g, d);
        String name = "head";
        for (int i = a.headHidden.size() - 1; i >= 0; i--) {
            k.linearBackwardWeight(d.get(name + ".weight"), d.get(name + ".bias"), dOutput, a.headHidden.get(i));
            k.linearBackwardInput(g.dHeadHidden.get(i), dOutput, weights.get(name + ".weight"),
                    new Epilogue.Activate(Activation.TANH, a.headPreActivations.get(i)));
            dOutput = g.dHeadHidden.get(i);
            name = ParameterLayout.hiddenName(config, i);
        }
        k.linearBackwardWeight(d.get(name + ".weight"), d.get(name + ".bias"), dOutput, a.pooledOutput());
        k.linearBackwardInput(g.dPooledOutput, dOutput, weights.get(name + ".weight"), Epilogue.NONE);
        Tensor last = a.x(2 * config.depth());
        if (a.tokensNorm != null) {
            k.poolBackward(g.dNorm, g.dPooled, firstPooled(), pooledTokens());
            if (g.dPooled2 != null) {
                k.poolBackward(g.dX, g.dPooled2, firstPooled2(), pooledTokens2());
                k.residualAdd(g.dNorm, g.dX, g.dNorm, null, Dropout.NONE, null);
            }
            k.fill(g.dX, 0);
            k.layerNormBackward(g.dX, d.get("norm.weight"), d.get("norm.bias"), g.dNorm, last, a.finalMean,
                    a.finalRstd, weights.get("norm.weight"));
        } else {
            k.fill(g.dPooled, 0);
            k.layerNormBackward(g.dPooled, d.get("fc_norm.weight"), d.get("fc_norm.bias"), g.dPooledOutput, a.pooled,
                    a.finalMean, a.finalRstd, weights.get("fc_norm.weight"));
            k.poolBackward(g.dX, g.dPooled, firstPooled(), pooledTokens());
        }
    }

    /** The gradients that belong to the second vector; returns that of the head's output before halving. */
    private Tensor secondHeadBackward(Kernels k, Activations a, ActivationGradients g, Parameters d) {
        if (config.pooling() == VitConfig.Pooling.CLASS_AND_MEAN) {
            k.linearBackwardWeight(d.get("head_mean.weight"), null, g.dLogits, a.pooled2);
            k.linearBackwardInput(g.dPooled2, g.dLogits, weights.get("head_mean.weight"), Epilogue.NONE);
        } else if (config.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION) {
            k.residualAddBackward(g.dHeadSum, g.dHalf, g.dLogits, a.headSum, half, Dropout.NONE, null);
            k.linearBackwardWeight(d.get("head_dist.weight"), d.get("head_dist.bias"), g.dHeadSum, a.pooled2);
            k.linearBackwardInput(g.dPooled2, g.dHeadSum, weights.get("head_dist.weight"), Epilogue.NONE);
            return g.dHeadSum;
        }
        return g.dLogits;
    }

    private void mlpBranchBackward(Kernels k, Activations a, ActivationGradients g, Parameters d, int layer) {
        int i = 2 * layer + 1;
        Tensor dBranch = endBranchBackward(k, a, g, d, i, "ls2.gamma");
        k.linearBackwardWeight(d.get("mlp.fc2.weight", layer), d.get("mlp.fc2.bias", layer), dBranch, a.hidden(layer));
        k.linearBackwardInput(g.dHidden, dBranch, weights.get("mlp.fc2.weight", layer),
                new Epilogue.Activate(config.activation(), a.preActivation(layer)));
        if (dropsElements(a)) {
            // The mask and the activation's derivative are both factors of each element: their order does not matter.
            k.residualAddBackward(g.dHidden, null, g.dHidden, null, null, hiddenDropout(layer), a.random);
        }
        k.linearBackwardWeight(d.get("mlp.fc1.weight", layer), d.get("mlp.fc1.bias", layer), g.dHidden, a.norm(i));
        k.linearBackwardInput(g.dNorm, g.dHidden, weights.get("mlp.fc1.weight", layer), Epilogue.NONE);
        k.layerNormBackward(g.dX, d.get("norm2.weight", layer), d.get("norm2.bias", layer), g.dNorm, a.x(i),
                a.mean(i), a.rstd(i), weights.get("norm2.weight", layer));
    }

    private void attentionBranchBackward(Kernels k, Activations a, ActivationGradients g, Parameters d, int layer) {
        int i = 2 * layer;
        Tensor dBranch = endBranchBackward(k, a, g, d, i, "ls1.gamma");
        k.linearBackwardWeight(d.get("attn.proj.weight", layer), d.get("attn.proj.bias", layer), dBranch,
                a.context(layer));
        k.linearBackwardInput(g.dContext, dBranch, weights.get("attn.proj.weight", layer), Epilogue.NONE);
        k.attentionBackward(g.dQkv, g.dContext, a.context(layer), a.qkv(layer), a.logSumExp(layer), config.heads());
        k.linearBackwardWeight(d.get("attn.qkv.weight", layer), d.getOrNull("attn.qkv.bias", layer), g.dQkv,
                a.norm(i));
        k.linearBackwardInput(g.dNorm, g.dQkv, weights.get("attn.qkv.weight", layer), Epilogue.NONE);
        k.layerNormBackward(g.dX, d.get("norm1.weight", layer), d.get("norm1.bias", layer), g.dNorm, a.x(i),
                a.mean(i), a.rstd(i), weights.get("norm1.weight", layer));
    }

    /** The gradient of branch {@code i}'s last linear layer, where the residual's is {@code g.dX}. */
    private Tensor endBranchBackward(
            Kernels k, Activations a, ActivationGradients g, Parameters d, int i, String scale) {
        if (a.branch(i) == null) {
            return g.dX;
        }
        int layer = i / 2;
        Tensor scaleWeight = weights.getOrNull(scale, layer);
        k.residualAddBackward(g.dBranch, d.getOrNull(scale, layer), g.dX, scaleWeight == null ? null : a.branch(i),
                scaleWeight, branchDropout(i), a.random);
        return g.dBranch;
    }

    private void embedBackward(Kernels k, Activations a, ActivationGradients g, Parameters d) {
        if (config.patchNorm()) {
            k.fill(g.dEmbedded, 0);
            k.layerNormBackward(g.dEmbedded, d.get("norm_pre.weight"), d.get("norm_pre.bias"), g.dX, a.embedded,
                    a.embeddedMean, a.embeddedRstd, weights.get("norm_pre.weight"));
        }
        if (dropsElements(a)) {
            k.residualAddBackward(g.dEmbedded, null, g.dEmbedded, null, null, embeddingDropout(), a.random);
        }
        if (normedPatches != null) {
            normedPatches.backward(k, a, g, weights, d);
        } else {
            k.patchEmbeddingBackward(g.dImages, d.get("patch_embed.proj.weight"), d.get("patch_embed.proj.bias"),
                    d.prefix(), d.getOrNull("pos_embed"), g.dEmbedded, a.images,
                    weights.get("patch_embed.proj.weight"));
        }
    }

    private int firstPooled() {
        return config.pooling() == VitConfig.Pooling.MEAN ? config.prefixTokens() : 0;
    }

    private int pooledTokens() {
        return switch (config.pooling()) {
            case MEAN -> config.patches();
            case MEAN_OF_ALL -> config.tokens();
            case CLASS_TOKEN, CLASS_AND_MEAN, CLASS_AND_DISTILLATION -> 1;
        };
    }

    /** Of the second vector: the distillation token is the second one. */
    private int firstPooled2() {
        return config.pooling() == VitConfig.Pooling.CLASS_AND_MEAN ? config.prefixTokens() : 1;
    }

    private int pooledTokens2() {
        return config.pooling() == VitConfig.Pooling.CLASS_AND_MEAN ? config.patches() : 1;
    }

    private boolean dropsElements(Activations a) {
        return a.drops() && config.dropout() > 0;
    }

    /** Site 0; the blocks' are 1 + 3 l (attention), 2 + 3 l (hidden layer) and 3 + 3 l (MLP). */
    private Dropout embeddingDropout() {
        return new Dropout(config.dropout(), 0, 0);
    }

    private Dropout hiddenDropout(int layer) {
        return new Dropout(config.dropout(), 0, 2 + 3 * layer);
    }

    private Dropout branchDropout(int i) {
        int layer = i / 2;
        return new Dropout(config.dropout(), config.dropPath(layer), 1 + 3 * layer + 2 * (i % 2));
    }

    @Override
    public void close() {
        weights.close();
        if (config.position() != VitConfig.Position.LEARNED) {
            position.close();
        }
        if (half != null) {
            half.close();
        }
        if (normedPatches != null) {
            normedPatches.close();
        }
    }
}
