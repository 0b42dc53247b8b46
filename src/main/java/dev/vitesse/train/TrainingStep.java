// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.ActivationGradients;
import dev.vitesse.model.Activations;
import dev.vitesse.model.Parameters;
import dev.vitesse.model.VisionTransformer;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * One optimization step as one recorded program: forward pass, loss, backward pass, gradient clipping and the
 * optimizer's update, all on the device. Per step, a batch and a few scalars go in and four scalars come back.
 */
public final class TrainingStep implements AutoCloseable {
    private final Activations activations;
    private final ActivationGradients activationGradients;
    private final Parameters weights;
    private final Parameters gradients;
    private final OptimizerRule rule;
    /** The optimizer's state by name: Adam's two moments, or the velocity. */
    private final Map<String, Parameters> moments = new LinkedHashMap<>();

    private final Tensor labels;
    /** Learning rate and Adam's bias corrections. */
    private final Tensor schedule;
    /** Squared norms of the gradients, slab by slab. */
    private final Tensor squaredNorms;
    /** Mean loss, number correct, gradient norm, clip factor. */
    private final Tensor metrics;
    private final Program program;
    private final float[] scheduleValues = new float[3];
    private final float[] metricValues = new float[4];
    private final int[] randomValues = new int[2];

    /**
     * What a step found.
     *
     * @param loss the batch's mean cross-entropy before the update
     * @param correct how many of its images were classified correctly before the update
     * @param gradientNorm the global norm before clipping
     */
    public record Result(float loss, int correct, float gradientNorm) {
        public boolean isFinite() {
            return Float.isFinite(loss) && Float.isFinite(gradientNorm);
        }
    }

    /**
     * @param model whose weights are updated
     * @param batch images per step (B)
     * @param rule the optimizer; its weight decay acts on matrices only
     * @param clipNorm the largest global gradient norm, or 0 for no clipping
     * @param labelSmoothing at least 0 and below 1
     */
    public TrainingStep(
            VisionTransformer model, int batch, OptimizerRule rule, float clipNorm, float labelSmoothing) {
        this.rule = rule;
        Backend backend = model.backend();
        weights = model.weights();
        activations = model.activations(batch, true);
        activationGradients = model.activationGradients(batch, false);
        gradients = model.likeWeights("gradient");
        switch (rule) {
            case OptimizerRule.Adam adam -> {
                moments.put("m", model.likeWeights("m"));
                moments.put("v", model.likeWeights("v"));
            }
            case OptimizerRule.Sgd sgd -> moments.put("velocity", model.likeWeights("velocity"));
        }
        labels = backend.tensor("labels", ElementType.INT32, batch);
        schedule = backend.tensor("schedule", 3);
        squaredNorms = backend.tensor("squared norms", weights.slabs().size());
        metrics = backend.tensor("metrics", 4);
        program = backend.record("training step", k -> {
            model.forward(k, activations);
            k.crossEntropy(metrics.rows(0, 2), activationGradients.dLogits(), activations.logits(), labels,
                    labelSmoothing);
            model.backward(k, activations, activationGradients, gradients);
            update(k, clipNorm);
        });
    }

    private void update(Kernels k, float clipNorm) {
        int i = 0;
        for (Tensor gradient : gradients.slabs().values()) {
            k.sumOfSquares(squaredNorms.rows(i++, 1), gradient);
        }
        Tensor clip = metrics.rows(2, 2);
        k.clipFactor(clip, squaredNorms, clipNorm);
        weights.slabs().forEach((name, weight) -> {
            Tensor gradient = gradients.slabs().get(name);
            OptimizerRule slabRule = weights.decays(name) ? rule : rule.withWeightDecay(0);
            switch (slabRule) {
                case OptimizerRule.Adam adam ->
                    k.adam(weight, moment("m", name), moment("v", name), gradient, schedule, clip, adam);
                case OptimizerRule.Sgd sgd ->
                    k.sgd(weight, moment("velocity", name), gradient, schedule, clip, sgd);
            }
        });
    }

    private Tensor moment(String kind, String slab) {
        return moments.get(kind).slabs().get(slab);
    }

    /** Has the device compile what a step needs, which otherwise the first one does. */
    public void compile() {
        program.compile();
    }

    /**
     * Takes one step.
     *
     * @param images [B, C, S, S], normalised
     * @param batchLabels [B]; negative where there is no image
     * @param learningRate of this step
     * @param step the step's number, counted from 1
     * @param seed of dropout
     * @return the loss before the update; if it is not finite, the weights are lost
     */
    public Result run(float[] images, int[] batchLabels, float learningRate, int step, int seed) {
        activations.images().write(images);
        labels.write(batchLabels);
        scheduleValues[0] = learningRate;
        if (rule instanceof OptimizerRule.Adam adam) {
            scheduleValues[1] = (float) (1 - Math.pow(adam.beta1(), step));
            scheduleValues[2] = (float) (1 - Math.pow(adam.beta2(), step));
        }
        schedule.write(scheduleValues);
        if (activations.random() != null) {
            randomValues[0] = seed;
            randomValues[1] = step;
            activations.random().write(randomValues);
        }
        program.run();
        metrics.read(metricValues);
        return new Result(metricValues[0], Math.round(metricValues[1]), metricValues[2]);
    }

    /** Weights and optimizer state under unique names: what a checkpoint must hold to go on from here. */
    public Map<String, Tensor> state() {
        Map<String, Tensor> state = new LinkedHashMap<>(weights.named());
        moments.forEach((kind, moment) ->
                moment.named().forEach((name, tensor) -> state.put("optimizer." + kind + "." + name, tensor)));
        return state;
    }

    /** The last step's gradients under timm's names, before clipping. */
    public Map<String, Tensor> gradients() {
        return gradients.named();
    }

    /** Images per step (B). */
    public int batch() {
        return activations.batch();
    }

    /** Bytes of device memory held, without the weights. */
    public long byteSize() {
        long perSet = gradients.slabs().values().stream().mapToLong(Tensor::byteSize).sum();
        return activations.byteSize() + activationGradients.byteSize() + perSet * (1 + moments.size());
    }

    @Override
    public void close() {
        program.close();
        activations.close();
        activationGradients.close();
        gradients.close();
        moments.values().forEach(Parameters::close);
        labels.close();
        schedule.close();
        squaredNorms.close();
        metrics.close();
    }
}
