// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Program;
import java.util.Objects;

/**
 * A forward pass over one image, recorded once, that keeps what every block computes: for looking into a model. Not safe
 * for several threads at once. Each getter gives what the last {@link #run} computed.
 */
public final class Intermediates implements AutoCloseable {
    private final VitConfig config;
    private final Activations activations;
    private final Program program;

    Intermediates(VisionTransformer model, Activations activations) {
        this.activations = activations;
        config = model.config();
        program = model.backend().record("intermediates", k -> model.forward(k, activations));
    }

    /**
     * Computes everything for an image.
     *
     * @param image [C, S, S], normalised as the model was trained
     * @throws IllegalArgumentException if it has another length
     */
    public void run(float[] image) {
        if (image.length != config.imageElements()) {
            throw new IllegalArgumentException(
                    "image has " + image.length + " elements; the model takes " + config.imageElements());
        }
        activations.images.write(image);
        program.run();
    }

    /** The embedded tokens, which enter the first block: [T, D]. */
    public float[] embedding() {
        return activations.x(0).toFloats();
    }

    /** The tokens that leave block {@code layer}, before any final norm: [T, D]. */
    public float[] block(int layer) {
        return activations.x(2 * checkLayer(layer) + 2).toFloats();
    }

    /** The tokens that leave the last block, after the final norm where that stands before pooling: [T, D]. */
    public float[] tokens() {
        return activations.tokensNorm == null ? block(config.depth() - 1) : activations.tokensNorm.toFloats();
    }

    /** The pooled vector that the head reads, after the final norm: [D]. */
    public float[] pooled() {
        return activations.pooledOutput().toFloats();
    }

    /** The logits: [K]. */
    public float[] logits() {
        return activations.logits.toFloats();
    }

    /**
     * The attention probabilities of block {@code layer}, [H, T, T]: row i says how much of each token goes into token
     * i. Devices never store them; they are computed here, from the queries, the keys and their log sum exp.
     */
    public float[] attention(int layer) {
        int tokens = config.tokens();
        int headWidth = config.headWidth();
        int row = 3 * config.attentionWidth();
        float[] qkv = activations.qkv(checkLayer(layer)).toFloats();
        float[] logSumExp = Objects.requireNonNull(activations.logSumExp(layer)).toFloats();
        float[] probabilities = new float[Math.multiplyExact(Math.multiplyExact(config.heads(), tokens), tokens)];
        float scale = (float) (1 / Math.sqrt(headWidth));
        for (int head = 0; head < config.heads(); head++) {
            int keys = config.attentionWidth() + head * headWidth;
            for (int i = 0; i < tokens; i++) {
                int query = i * row + head * headWidth;
                for (int j = 0; j < tokens; j++) {
                    float score = 0;
                    for (int a = 0; a < headWidth; a++) {
                        score += qkv[query + a] * qkv[j * row + keys + a];
                    }
                    probabilities[(head * tokens + i) * tokens + j] =
                            (float) Math.exp(score * scale - logSumExp[head * tokens + i]);
                }
            }
        }
        return probabilities;
    }

    private int checkLayer(int layer) {
        return Objects.checkIndex(layer, config.depth());
    }

    @Override
    public void close() {
        program.close();
        activations.close();
    }
}
