// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Activation;
import java.util.List;

/**
 * Everything that defines a Vision Transformer's function, apart from its weights. Immutable; {@link #builder()} and
 * {@link #toBuilder()} make others, {@link #preset} the usual ones.
 *
 * @param imageSize side of the square input in pixels (S)
 * @param patchSize side of a square patch (P), which divides the image's
 * @param channels colour channels of the input (C)
 * @param width elements of a token (D)
 * @param depth number of encoder blocks (L)
 * @param heads attention heads of a block (H)
 * @param headWidth elements of a head's query, key and value (A); usually width / heads
 * @param mlpWidth hidden elements of a block's MLP (M)
 * @param classes outputs of the head (K); 0 for a model without a head, whose output are its features
 * @param layerNormEpsilon added to the variance in every LayerNorm; 1e-6 in timm and the paper, 1e-12 in Hugging Face's
 *     ViT
 * @param activation of the MLP
 * @param classToken whether a learned token stands before the patches
 * @param distillationToken whether a second one follows it (DeiT, Touvron et al. 2021, arXiv:2012.12877)
 * @param registers number of learned tokens that follow those (Darcet et al. 2024, arXiv:2309.16588)
 * @param positionedPrefix how many of the tokens before the patches have a position of their own: the first ones
 * @param pooling what the head reads
 * @param finalNorm where the last LayerNorm stands
 * @param position the position embedding
 * @param patchNorm whether a LayerNorm follows the embedding (timm's {@code norm_pre})
 * @param projectionNorms whether one LayerNorm stands before the patch projection and one after it, on the patches alone
 *     (lucidrains' vit-pytorch)
 * @param qkvBias whether queries, keys and values have a bias
 * @param layerScale initial value of the learned factors at the end of each branch, or 0 for none
 * @param headHidden widths of the head's hidden layers, each followed by tanh; usually none
 * @param dropout share of elements dropped in training after the embedding, attention's output projection and both
 *     layers of the MLP
 * @param dropPath share of residual branches dropped in training at the last block, growing linearly from 0 at the first
 */
public record VitConfig(
        int imageSize,
        int patchSize,
        int channels,
        int width,
        int depth,
        int heads,
        int headWidth,
        int mlpWidth,
        int classes,
        float layerNormEpsilon,
        Activation activation,
        boolean classToken,
        boolean distillationToken,
        int registers,
        int positionedPrefix,
        Pooling pooling,
        FinalNorm finalNorm,
        Position position,
        boolean patchNorm,
        boolean projectionNorms,
        boolean qkvBias,
        float layerScale,
        List<Integer> headHidden,
        float dropout,
        float dropPath) {

    /** What the classification head reads. */
    public enum Pooling {
        CLASS_TOKEN,
        /** The mean of the patch tokens. */
        MEAN,
        /** The mean of all tokens, those before the patches included (lucidrains' vit-pytorch). */
        MEAN_OF_ALL,
        /** The class token beside the mean of the patch tokens: two vectors, each with weights of its own (DINOv2). */
        CLASS_AND_MEAN,
        /** The class token and the distillation token, each with a head of its own, whose mean is the result (DeiT). */
        CLASS_AND_DISTILLATION;

        boolean needsClassToken() {
            return this == CLASS_TOKEN || this == CLASS_AND_MEAN || this == CLASS_AND_DISTILLATION;
        }

        /** Whether the head reads two vectors. */
        boolean two() {
            return this == CLASS_AND_MEAN || this == CLASS_AND_DISTILLATION;
        }
    }

    /** Where the last LayerNorm stands. */
    public enum FinalNorm {
        /** On every token, before pooling: timm's {@code norm}. */
        BEFORE_POOLING,
        /** On the pooled vector: timm's {@code fc_norm}. */
        AFTER_POOLING
    }

    /** The position embedding. */
    public enum Position {
        LEARNED,
        /** Fixed sines and cosines over the token's number (Vaswani et al. 2017, arXiv:1706.03762, section 3.5). */
        SINUSOIDAL
    }

    public VitConfig {
        require(imageSize > 0, "image size", imageSize, "positive");
        require(patchSize > 0 && imageSize % patchSize == 0, "patch size", patchSize,
                "a divisor of the image size " + imageSize);
        require(channels > 0, "channels", channels, "positive");
        require(width > 0, "width", width, "positive");
        require(depth > 0, "depth", depth, "positive");
        require(heads > 0, "heads", heads, "positive");
        require(headWidth > 0, "head width", headWidth, "positive (give it where heads do not divide the width)");
        require(mlpWidth > 0, "MLP width", mlpWidth, "positive");
        require(classes >= 0, "classes", classes, "positive, or 0 for no head");
        require(layerNormEpsilon > 0 && layerNormEpsilon < 1, "LayerNorm epsilon", layerNormEpsilon,
                "between 0 and 1");
        require(layerScale >= 0 && layerScale <= 10, "layer scale", layerScale, "between 0 and 10");
        require(dropout >= 0 && dropout < 1, "dropout", dropout, "at least 0 and below 1");
        require(dropPath >= 0 && dropPath < 1, "drop path", dropPath, "at least 0 and below 1");
        require(classToken || !pooling.needsClassToken(), "pooling", pooling,
                "MEAN or MEAN_OF_ALL where there is no class token");
        require(distillationToken || pooling != Pooling.CLASS_AND_DISTILLATION, "pooling", pooling,
                "another where there is no distillation token");
        require(registers >= 0, "registers", registers, "at least 0");
        int prefix = prefixTokens(classToken, distillationToken, registers);
        require(positionedPrefix >= 0 && positionedPrefix <= prefix, "positioned prefix", positionedPrefix,
                "0 to " + prefix);
        require(!pooling.two() || finalNorm == FinalNorm.BEFORE_POOLING && headHidden.isEmpty() && classes > 0, "pooling",
                pooling, "another where the norm follows pooling, the head has hidden layers, or there is no head");
        require(!projectionNorms || dropout == 0, "dropout", dropout, "0 beside norms round the patch projection");
        headHidden = List.copyOf(headHidden);
        for (int hidden : headHidden) {
            require(hidden > 0, "hidden width of the head", hidden, "positive");
        }
    }

    private static void require(boolean condition, String what, Object value, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(what + " is " + value + "; it must be " + expected);
        }
    }

    /** Names of the presets. */
    public static List<String> presets() {
        return VitPresets.names();
    }

    /**
     * The configuration called {@code name}.
     *
     * @throws IllegalArgumentException if there is none; the message lists those there are
     */
    public static VitConfig preset(String name) {
        return VitPresets.get(name);
    }

    /** Preset {@code mnist}: 28 x 28 grey, patch 4, width 64, depth 6, 4 heads, MLP 128, 10 classes. */
    public static VitConfig mnist() {
        return preset("mnist");
    }

    /** Patches of an image (N). */
    public int patches() {
        return (imageSize / patchSize) * (imageSize / patchSize);
    }

    /** Tokens before the patches (R). */
    public int prefixTokens() {
        return prefixTokens(classToken, distillationToken, registers);
    }

    static int prefixTokens(boolean classToken, boolean distillationToken, int registers) {
        return Math.addExact((classToken ? 1 : 0) + (distillationToken ? 1 : 0), registers);
    }

    /** Positions: those of the patches, and of the tokens before them that have one (Q). */
    public int positions() {
        return positionedPrefix + patches();
    }

    /** Elements of a patch (C P P). */
    public int patchElements() {
        return Math.multiplyExact(channels, Math.multiplyExact(patchSize, patchSize));
    }

    /** Elements of the vector that the head's last layer reads: D, or the width of the head's last hidden layer. */
    public int features() {
        return headHidden.isEmpty() ? width : headHidden.getLast();
    }

    /** Elements of the model's output for an image: one per class, or without a head the features. */
    public int outputs() {
        return classes == 0 ? features() : classes;
    }

    /** Tokens of an image (T). */
    public int tokens() {
        return prefixTokens() + patches();
    }

    /** Width of queries, keys, values and context (H A). */
    public int attentionWidth() {
        return Math.multiplyExact(heads, headWidth);
    }

    /** Elements of one input image. */
    public int imageElements() {
        return Math.multiplyExact(channels, Math.multiplyExact(imageSize, imageSize));
    }

    /** The share of dropped branches at block {@code layer}. */
    public float dropPath(int layer) {
        return depth == 1 ? dropPath : dropPath * layer / (depth - 1);
    }

    /** Number of learned scalars. */
    public long parameterCount() {
        return ParameterLayout.of(this).stream().mapToLong(ParameterLayout::elements).sum();
    }

    /** A builder with ViT's usual values, at the size of ViT-B/16 with 1000 classes. */
    public static VitConfigBuilder builder() {
        return new VitConfigBuilder();
    }

    /** A builder that starts from this configuration. */
    public VitConfigBuilder toBuilder() {
        VitConfigBuilder builder = new VitConfigBuilder();
        if (positionedPrefix != prefixTokens()) {
            builder.positionedPrefix(positionedPrefix);
        }
        return builder.imageSize(imageSize).patchSize(patchSize).channels(channels).width(width).depth(depth).heads(heads)
                .headWidth(headWidth).mlpWidth(mlpWidth).classes(classes).layerNormEpsilon(layerNormEpsilon)
                .activation(activation).classToken(classToken).distillationToken(distillationToken)
                .registers(registers).pooling(pooling).finalNorm(finalNorm)
                .position(position).patchNorm(patchNorm).projectionNorms(projectionNorms).qkvBias(qkvBias).layerScale(layerScale)
                .headHidden(headHidden).dropout(dropout).dropPath(dropPath);
    }
}
