// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The tensors that a backward pass works in. Blocks share them: each holds its value only until the next is written. */
public final class ActivationGradients implements AutoCloseable {
    private final Backend backend;
    private final List<Tensor> all = new ArrayList<>();

    /** [B, K], the backward pass's input. */
    final Tensor dLogits;
    /** Gradients of the head's hidden layers before tanh, then of what the head reads first. */
    final List<Tensor> dHeadHidden = new ArrayList<>();
    /** [B, D]. */
    final Tensor dPooledOutput;
    /** [B, D]; the same as {@code dPooledOutput} unless a norm stands between. */
    final Tensor dPooled;
    /** Of the second vector that the head reads, [B, D]; null where it reads one. */
    final @Nullable Tensor dPooled2;
    /** Of the sum of two heads' outputs, [B, K]; null where there is one head. */
    final @Nullable Tensor dHeadSum;
    /** Of the constant one half that the sum is multiplied with, [K], which nobody reads; null likewise. */
    final @Nullable Tensor dHalf;
    /** What stands between the images and the embedding where there are norms; else null. */
    final NormedPatches.@Nullable Gradients normedPatches;
    /** The gradient of the residual stream, the one accumulator: [B, T, D]. */
    final Tensor dX;
    /** Of a branch's end where it is scaled or dropped, [B, T, D]; else null. */
    final @Nullable Tensor dBranch;
    /** Of a LayerNorm's output: [B, T, D]. */
    final Tensor dNorm;
    /** [B, T, M]. */
    final Tensor dHidden;
    /** [B, T, H A]. */
    final Tensor dContext;
    /** [B, T, 3 H A]. */
    final Tensor dQkv;
    /** Of the embedded tokens where {@code norm_pre} follows, [B, T, D]; else {@code dX}. */
    final Tensor dEmbedded;
    /** [B, C, S, S], or null if not wanted. */
    final @Nullable Tensor dImages;

    /**
     * @param images whether the gradient of the images is wanted
     */
    ActivationGradients(Backend backend, VitConfig config, int batch, boolean images) {
        this.backend = backend;
        int tokens = config.tokens();
        int width = config.width();
        dLogits = tensor("dLogits", batch, config.classes());
        for (int i = 0; i < config.headHidden().size(); i++) {
            dHeadHidden.add(tensor("head dHidden " + i, batch, config.headHidden().get(i)));
        }
        dPooledOutput = tensor("dPooledOutput", batch, width);
        boolean normLast = config.finalNorm() == VitConfig.FinalNorm.AFTER_POOLING;
        dPooled = normLast ? tensor("dPooled", batch, width) : dPooledOutput;
        dPooled2 = config.pooling().two() ? tensor("dPooled 2", batch, width) : null;
        boolean twoHeads = config.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION;
        dHeadSum = twoHeads ? tensor("dHeadSum", batch, config.classes()) : null;
        dHalf = twoHeads ? tensor("dHalf", config.classes()) : null;
        normedPatches = config.projectionNorms() ? new NormedPatches.Gradients(config, batch, this::tensor) : null;
        dX = tensor("dX", batch, tokens, width);
        boolean unfused = config.layerScale() > 0 || config.dropout() > 0 || config.dropPath() > 0;
        dBranch = unfused ? tensor("dBranch", batch, tokens, width) : null;
        dNorm = tensor("dNorm", batch, tokens, width);
        dHidden = tensor("dHidden", batch, tokens, config.mlpWidth());
        dContext = tensor("dContext", batch, tokens, config.attentionWidth());
        dQkv = tensor("dQkv", batch, tokens, 3 * config.attentionWidth());
        dEmbedded = config.patchNorm() ? tensor("dEmbedded", batch, tokens, width) : dX;
        dImages = images ? tensor("dImages", batch, config.channels(), config.imageSize(), config.imageSize()) : null;
    }

    private Tensor tensor(String name, int... shape) {
        Tensor tensor = backend.tensor(name, shape);
        all.add(tensor);
        return tensor;
    }

    /** The gradient of the loss with respect to the logits, the backward pass's input: [B, K]. */
    public Tensor dLogits() {
        return dLogits;
    }

    /** The gradient of the loss with respect to the images, [B, C, S, S]; null if it was not asked for. */
    public @Nullable Tensor dImages() {
        return dImages;
    }

    /** Bytes of device memory held. */
    public long byteSize() {
        return all.stream().mapToLong(Tensor::byteSize).sum();
    }

    @Override
    public void close() {
        all.forEach(Tensor::close);
    }
}
