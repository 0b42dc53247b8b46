// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Activation;
import java.util.List;

/** Collects the components of a {@link VitConfig}; {@link #build} validates them. */
public final class VitConfigBuilder {
    private static final int ALL_POSITIONED = -1;

    private int imageSize = 224;
    private int patchSize = 16;
    private int channels = 3;
    private int width = 768;
    private int depth = 12;
    private int heads = 12;
    private int headWidth;
    private int mlpWidth;
    private int classes = 1000;
    private float layerNormEpsilon = 1e-6f;
    private Activation activation = Activation.GELU;
    private boolean classToken = true;
    private boolean distillationToken;
    private int registers;
    private int positionedPrefix = ALL_POSITIONED;
    private VitConfig.Pooling pooling = VitConfig.Pooling.CLASS_TOKEN;
    private VitConfig.FinalNorm finalNorm = VitConfig.FinalNorm.BEFORE_POOLING;
    private VitConfig.Position position = VitConfig.Position.LEARNED;
    private boolean patchNorm;
    private boolean projectionNorms;
    private boolean qkvBias = true;
    private float layerScale;
    private List<Integer> headHidden = List.of();
    private float dropout;
    private float dropPath;

    VitConfigBuilder() {}

    public VitConfigBuilder imageSize(int value) {
        imageSize = value;
        return this;
    }

    public VitConfigBuilder patchSize(int value) {
        patchSize = value;
        return this;
    }

    public VitConfigBuilder channels(int value) {
        channels = value;
        return this;
    }

    public VitConfigBuilder width(int value) {
        width = value;
        return this;
    }

    public VitConfigBuilder depth(int value) {
        depth = value;
        return this;
    }

    public VitConfigBuilder heads(int value) {
        heads = value;
        return this;
    }

    /** Default: width / heads. */
    public VitConfigBuilder headWidth(int value) {
        headWidth = value;
        return this;
    }

    /** Default: four times the width. */
    public VitConfigBuilder mlpWidth(int value) {
        mlpWidth = value;
        return this;
    }

    public VitConfigBuilder classes(int value) {
        classes = value;
        return this;
    }

    public VitConfigBuilder layerNormEpsilon(float value) {
        layerNormEpsilon = value;
        return this;
    }

    public VitConfigBuilder activation(Activation value) {
        activation = value;
        return this;
    }

    public VitConfigBuilder classToken(boolean value) {
        classToken = value;
        return this;
    }

    public VitConfigBuilder distillationToken(boolean value) {
        distillationToken = value;
        return this;
    }

    public VitConfigBuilder registers(int value) {
        registers = value;
        return this;
    }

    /** Default: all tokens before the patches. */
    public VitConfigBuilder positionedPrefix(int value) {
        positionedPrefix = value;
        return this;
    }

    public VitConfigBuilder pooling(VitConfig.Pooling value) {
        pooling = value;
        return this;
    }

    public VitConfigBuilder finalNorm(VitConfig.FinalNorm value) {
        finalNorm = value;
        return this;
    }

    /** Mean pooling as timm does it: no class token, and the final norm after pooling. */
    public VitConfigBuilder meanPooling() {
        return classToken(false).pooling(VitConfig.Pooling.MEAN).finalNorm(VitConfig.FinalNorm.AFTER_POOLING);
    }

    public VitConfigBuilder position(VitConfig.Position value) {
        position = value;
        return this;
    }

    public VitConfigBuilder patchNorm(boolean value) {
        patchNorm = value;
        return this;
    }

    public VitConfigBuilder projectionNorms(boolean value) {
        projectionNorms = value;
        return this;
    }

    public VitConfigBuilder qkvBias(boolean value) {
        qkvBias = value;
        return this;
    }

    public VitConfigBuilder layerScale(float value) {
        layerScale = value;
        return this;
    }

    public VitConfigBuilder headHidden(List<Integer> value) {
        headHidden = value;
        return this;
    }

    public VitConfigBuilder dropout(float value) {
        dropout = value;
        return this;
    }

    public VitConfigBuilder dropPath(float value) {
        dropPath = value;
        return this;
    }

    /**
     * The validated configuration.
     *
     * @throws IllegalArgumentException naming the component that is out of range
     */
    public VitConfig build() {
        int derivedHeadWidth = headWidth == 0 && heads > 0 && width % heads == 0 ? width / heads : headWidth;
        int derivedPrefix = positionedPrefix == ALL_POSITIONED
                ? VitConfig.prefixTokens(classToken, distillationToken, Math.max(0, registers)) : positionedPrefix;
        int derivedMlpWidth = mlpWidth == 0 ? Math.multiplyExact(4, width) : mlpWidth;
        return new VitConfig(
                imageSize, patchSize, channels, width, depth, heads, derivedHeadWidth, derivedMlpWidth, classes,
                layerNormEpsilon, activation, classToken, distillationToken, registers, derivedPrefix, pooling,
                finalNorm, position, patchNorm, projectionNorms, qkvBias, layerScale, headHidden, dropout, dropPath);
    }
}
