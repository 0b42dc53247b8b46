// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tensors that a forward pass over one batch writes, and its inputs. For training and inspection every block keeps
 * its own, in slabs with a leading axis; for inference all blocks share one, and the residual stream is updated in
 * place.
 */
public final class Activations implements AutoCloseable {
    /** What a forward pass is for. */
    enum Purpose {
        /** Logits only. */
        INFERENCE,
        /** Whatever every block computes, as in inference: nothing is dropped. */
        INSPECTION,
        /** Everything that the backward pass needs; dropout is on. */
        TRAINING
    }

    private final Backend backend;
    private final VitConfig config;
    private final int batch;
    private final boolean keepsBlocks;
    private final boolean drops;
    private final List<Tensor> all = new ArrayList<>();

    /** The batch: [B, C, S, S]. */
    final Tensor images;
    /** Before dropout and {@code norm_pre}, where there are any; else the same as {@code x(0)}: [B, T, D]. */
    final Tensor embedded;

    final @Nullable Tensor embeddedMean;
    final @Nullable Tensor embeddedRstd;
    /** Seed and step of dropout: INT32 [2]; null if nothing is dropped. */
    final @Nullable Tensor random;

    private final Tensor x;
    private final Tensor norm;
    private final Tensor mean;
    private final Tensor rstd;
    private final Tensor qkv;
    private final Tensor context;
    private final @Nullable Tensor logSumExp;
    private final @Nullable Tensor preActivation;
    private final Tensor hidden;
    private final @Nullable Tensor branch;

    /** After the final norm where it stands before pooling, [B, T, D]; else null. */
    final @Nullable Tensor tokensNorm;
    /** The pooled tokens: [B, D]. */
    final Tensor pooled;
    /** The second vector that the head reads, [B, D]; null where it reads one. */
    final @Nullable Tensor pooled2;
    /** After the final norm where it stands after pooling, [B, D]; else null. */
    final @Nullable Tensor pooledNorm;

    final Tensor finalMean;
    final Tensor finalRstd;
    /** Outputs of the head's hidden layers, after tanh. */
    final List<Tensor> headHidden = new ArrayList<>();
    /** Their values before tanh; empty in inference. */
    final List<Tensor> headPreActivations = new ArrayList<>();
    /** The sum of two heads' outputs, [B, K]; null where there is one head. */
    final @Nullable Tensor headSum;
    /** [B, K]; without a head, the features. */
    final Tensor logits;
    /** What stands between the images and {@code embedded} where there are norms; else null. */
    final NormedPatches.@Nullable Activations normedPatches;

    Activations(Backend backend, VitConfig config, int batch, Purpose purpose) {
        if (purpose == Purpose.TRAINING && config.classes() == 0) {
            throw new IllegalArgumentException("a model without a head has no loss to differentiate");
        }
        this.backend = backend;
        this.config = config;
        this.batch = batch;
        keepsBlocks = purpose != Purpose.INFERENCE;
        drops = purpose == Purpose.TRAINING && (config.dropout() > 0 || config.dropPath() > 0);
        int tokens = config.tokens();
        int width = config.width();
        images = tensor("images", config.channels(), config.imageSize(), config.imageSize());
        normedPatches = config.projectionNorms() ? new NormedPatches.Activations(config, this::tensor) : null;
        x = slab("x", 2 * config.depth() + 1, tokens, width);
        boolean separate = config.patchNorm() || drops && config.dropout() > 0;
        embedded = separate ? tensor("embedded", tokens, width) : x(0);
        embeddedMean = config.patchNorm() ? tensor("norm_pre mean", tokens) : null;
        embeddedRstd = config.patchNorm() ? tensor("norm_pre rstd", tokens) : null;
        random = drops ? add(backend.tensor("random", ElementType.INT32, 2)) : null;
        norm = slab("norm", 2 * config.depth(), tokens, width);
        mean = slab("mean", 2 * config.depth(), tokens);
        rstd = slab("rstd", 2 * config.depth(), tokens);
        qkv = slab("qkv", config.depth(), tokens, 3 * config.attentionWidth());
        context = slab("context", config.depth(), tokens, config.attentionWidth());
        logSumExp = keepsBlocks ? slab("logSumExp", config.depth(), config.heads(), tokens) : null;
        preActivation = keepsBlocks ? slab("preActivation", config.depth(), tokens, config.mlpWidth()) : null;
        hidden = slab("hidden", config.depth(), tokens, config.mlpWidth());
        // Only LayerScale's gradient reads a branch again; elsewhere all branches may share one tensor.
        int branches = config.layerScale() > 0 ? 2 * config.depth() : 1;
        branch = drops || config.layerScale() > 0 ? slab("branch", branches, tokens, width) : null;

        boolean normFirst = config.finalNorm() == VitConfig.FinalNorm.BEFORE_POOLING;
        tokensNorm = normFirst ? tensor("final norm", tokens, width) : null;
        pooled = tensor("pooled", width);
        pooled2 = config.pooling().two() ? tensor("pooled 2", width) : null;
        pooledNorm = normFirst ? null : tensor("final norm", width);
        int[] rows = normFirst ? new int[] {tokens} : new int[0];
        finalMean = tensor("final mean", rows);
        finalRstd = tensor("final rstd", rows);
        for (int i = 0; i < config.headHidden().size(); i++) {
            headHidden.add(tensor("head hidden " + i, config.headHidden().get(i)));
            if (keepsBlocks) {
                headPreActivations.add(tensor("head preActivation " + i, config.headHidden().get(i)));
            }
        }
        boolean twoHeads = config.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION;
        headSum = twoHeads ? tensor("head sum", config.classes()) : null;
        logits = config.classes() == 0 ? features() : tensor("logits", config.classes());
    }

    private Tensor tensor(String name, int... shape) {
        return add(backend.tensor(name, Shapes.prepend(batch, shape)));
    }

    /** One tensor for each of {@code count} places, in inference one for all of them. */
    private Tensor slab(String name, int count, int... shape) {
        return add(backend.tensor(name, Shapes.prepend(keepsBlocks ? count : 1, Shapes.prepend(batch, shape))));
    }

    private Tensor add(Tensor tensor) {
        all.add(tensor);
        return tensor;
    }

    private static Tensor at(Tensor slab, int index) {
        return slab.slice(Math.min(index, slab.dim(0) - 1));
    }

    /**
     * The residual stream, [B, T, D]: {@code x(2 l)} enters block l, {@code x(2 l + 1)} stands between its branches,
     * {@code x(2 L)} leaves the last block.
     */
    Tensor x(int index) {
        return at(x, index);
    }

    /** What the LayerNorm before branch {@code index} gives (2 l: attention, 2 l + 1: MLP): [B, T, D]. */
    Tensor norm(int index) {
        return at(norm, index);
    }

    Tensor mean(int index) {
        return at(mean, index);
    }

    Tensor rstd(int index) {
        return at(rstd, index);
    }

    /** [B, T, 3 H A]. */
    Tensor qkv(int layer) {
        return at(qkv, layer);
    }

    /** [B, T, H A]. */
    Tensor context(int layer) {
        return at(context, layer);
    }

    /** [B, H, T]; null in inference. */
    @Nullable Tensor logSumExp(int layer) {
        return logSumExp == null ? null : at(logSumExp, layer);
    }

    /** [B, T, M]; null in inference. */
    @Nullable Tensor preActivation(int layer) {
        return preActivation == null ? null : at(preActivation, layer);
    }

    /** [B, T, M]. */
    Tensor hidden(int layer) {
        return at(hidden, layer);
    }

    /** The end of branch {@code index} before scale, dropout and residual: [B, T, D]; null where all three are fused. */
    @Nullable Tensor branch(int index) {
        return branch == null ? null : at(branch, index);
    }

    /** What the head's last layer reads: [B, D] or the width of its last hidden layer. */
    Tensor features() {
        return headHidden.isEmpty() ? pooledOutput() : headHidden.getLast();
    }

    /** The pooled vector after whatever norm follows pooling: [B, D]. */
    Tensor pooledOutput() {
        return pooledNorm == null ? pooled : pooledNorm;
    }

    /** The input: [B, C, S, S]. */
    public Tensor images() {
        return images;
    }

    /** The output: [B, K], or of a model without a head its features. */
    public Tensor logits() {
        return logits;
    }

    /** Seed and step of dropout, to be set before each step: INT32 [2]; null if the pass drops nothing. */
    public @Nullable Tensor random() {
        return random;
    }

    public int batch() {
        return batch;
    }

    /** Whether every block has tensors of its own. */
    boolean keepsBlocks() {
        return keepsBlocks;
    }

    /** Whether elements or branches are dropped. */
    boolean drops() {
        return drops;
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
