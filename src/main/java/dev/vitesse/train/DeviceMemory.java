// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.MemoryPlan;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import org.jspecify.annotations.Nullable;

/**
 * How many bytes of memory a model needs, known before any of it is allocated. What programs hold besides their tensors
 * depends on the device; without one it is left out.
 */
public final class DeviceMemory {
    private DeviceMemory() {}

    /** Weights, and what little the model keeps beside them. */
    public static long ofWeights(VitConfig config) {
        MemoryPlan plan = new MemoryPlan(null);
        new VisionTransformer(config, plan);
        return plan.byteSize();
    }

    /**
     * Weights, and the activations and scratch memory of a forward pass in which blocks share theirs.
     *
     * @param batch images at once (B)
     * @param backend where the memory would be needed; null for no device in particular
     */
    public static long ofInference(VitConfig config, int batch, @Nullable Backend backend) {
        MemoryPlan plan = new MemoryPlan(backend);
        new VisionTransformer(config, plan).inference(batch);
        return plan.byteSize();
    }

    /**
     * Weights, gradients, the optimizer's state, every activation that the backward pass reads again, and scratch
     * memory; with a validation set a forward pass besides.
     *
     * @param batch images per step (B)
     * @param validationBatch images at once in validation, 0 if there is none
     * @param backend where the memory would be needed; null for no device in particular
     */
    public static long ofTraining(
            VitConfig config, int batch, OptimizerRule rule, int validationBatch, @Nullable Backend backend) {
        MemoryPlan plan = new MemoryPlan(backend);
        VisionTransformer model = new VisionTransformer(config, plan);
        new TrainingStep(model, batch, rule, 1, 0);
        if (validationBatch > 0) {
            model.inference(validationBatch);
        }
        return plan.byteSize();
    }
}
