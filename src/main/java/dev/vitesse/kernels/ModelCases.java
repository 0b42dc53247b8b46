// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Dropout;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Optimizers;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/** Every kernel that a model's training and inference call, forward and backward, at the model's own shapes. */
public final class ModelCases {
    private static final float WEIGHT_DECAY = 0.05f;

    /** As many tensors as a model has slabs of parameters, about: what clipping sums up. */
    private static final int SLABS = 20;

    private ModelCases() {}

    /**
     * The cases, in the order in which a training step calls their operations first; those that differ in what they keep
     * for the backward pass follow each other. {@link KernelCase#values random data}, no exact integers.
     *
     * @param batch images (B)
     */
    public static List<KernelCase> of(VitConfig config, int batch) {
        List<KernelCase> cases = new ArrayList<>();
        patches(cases, config, batch);
        norm(cases, new NormCase(batch, config.tokens(), config.width(), NormCase.Data.RANDOM));
        attention(cases, config, batch);
        mlp(cases, config, batch);
        ends(cases, config, batch);
        optimizer(cases, new OptimizerCase(Math.multiplyExact(config.mlpWidth(), config.width())));
        // Equal shapes are one case: a projection as wide as the model has the products of other square layers.
        return cases.stream().filter(distinctNames()).toList();
    }

    private static Predicate<KernelCase> distinctNames() {
        Set<String> seen = new HashSet<>();
        return kernelCase -> seen.add(kernelCase.name());
    }

    private static void patches(List<KernelCase> cases, VitConfig c, int batch) {
        PatchesCase shape = new PatchesCase(batch, c.imageSize() / c.patchSize(), c.patchSize(), c.channels(), c.width(),
                c.prefixTokens(), c.tokens(), false);
        cases.add(shape.forward());
        // Training wants no gradient of the images.
        cases.add(shape.backward(false, true, true));
    }

    private static void norm(List<KernelCase> cases, NormCase shape) {
        cases.add(shape.forward());
        cases.add(shape.backward());
    }

    private static void attention(List<KernelCase> cases, VitConfig c, int batch) {
        LinearCase qkv = new LinearCase(batch, c.tokens(), c.width(), 3 * c.attentionWidth(), false);
        cases.add(qkv.forward(true));
        backward(cases, qkv);
        AttentionCase attention =
                new AttentionCase(batch, c.tokens(), c.heads(), c.headWidth(), AttentionCase.Data.RANDOM);
        cases.add(attention.forward(false));
        cases.add(attention.forward(true));
        cases.add(attention.backward());
        LinearCase projection = new LinearCase(batch, c.tokens(), c.attentionWidth(), c.width(), false);
        cases.add(projection.add(false));
        backward(cases, projection);
    }

    private static void mlp(List<KernelCase> cases, VitConfig c, int batch) {
        LinearCase first = new LinearCase(batch, c.tokens(), c.width(), c.mlpWidth(), false);
        cases.add(first.activate(c.activation(), false, true));
        cases.add(first.activate(c.activation(), true, true));
        backward(cases, first);
        LinearCase second = new LinearCase(batch, c.tokens(), c.mlpWidth(), c.width(), false);
        cases.add(second.add(false));
        cases.add(second.backwardInput(c.activation()));
        cases.add(second.backwardWeight(true));
    }

    private static void backward(List<KernelCase> cases, LinearCase layer) {
        cases.add(layer.backwardInput());
        cases.add(layer.backwardWeight(true));
    }

    private static void ends(List<KernelCase> cases, VitConfig c, int batch) {
        ResidualCase branch =
                new ResidualCase(batch, c.tokens(), c.width(), true, false, new Dropout(0.1f, 0.1f, 1));
        cases.add(branch.forward());
        cases.add(branch.backward());
        PoolCase pool = new PoolCase(batch, c.tokens(), c.width(), 0, 1);
        cases.add(pool.forward());
        cases.add(pool.backward());
        LinearCase head = new LinearCase(batch, 1, c.width(), c.classes(), false);
        cases.add(head.forward(true));
        backward(cases, head);
        cases.add(new LossCase(batch, c.classes(), LossCase.Data.RANDOM, LossCase.Labels.ALL, 0).of(true));
    }

    private static void optimizer(List<KernelCase> cases, OptimizerCase slab) {
        cases.add(slab.sumOfSquares(false));
        cases.add(new OptimizerCase(SLABS).clipFactor(1, Fill.uniform(0, 4)));
        cases.add(slab.adam(Optimizers.adamW(WEIGHT_DECAY)));
        cases.add(slab.sgd(Optimizers.sgd(WEIGHT_DECAY)));
        cases.add(slab.fill(0));
    }
}
