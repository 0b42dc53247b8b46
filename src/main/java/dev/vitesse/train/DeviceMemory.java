// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.MemoryPlan;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;

/** How many bytes of a device's memory a model needs, known before any of it is allocated. */
public final class DeviceMemory {
    private DeviceMemory() {}

    /**
     * Weights, and the activations and scratch memory of a forward pass in which blocks share theirs.
     *
     * @param batch images at once (B)
     */
    public static long ofInference(VitConfig config, int batch, Backend backend) {
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
     */
    public static long ofTraining(
            VitConfig config, int batch, OptimizerRule rule, int validationBatch, Backend backend) {
        MemoryPlan plan = new MemoryPlan(backend);
        VisionTransformer model = new VisionTransformer(config, plan);
        new TrainingStep(model, batch, rule, 1, 0);
        if (validationBatch > 0) {
            model.inference(validationBatch);
        }
        return plan.byteSize();
    }
}
