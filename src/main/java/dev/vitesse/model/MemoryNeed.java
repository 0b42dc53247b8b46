// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.MemoryPlan;

/** How much memory a model needs on whatever device; {@link dev.vitesse.train.DeviceMemory} tells it for a certain one. */
public final class MemoryNeed {
    private MemoryNeed() {}

    /** Bytes of the weights, and of what little the model keeps beside them. */
    public static long ofWeights(VitConfig config) {
        MemoryPlan plan = new MemoryPlan();
        new Parameters(plan, config, "");
        return plan.byteSize();
    }

    /** Bytes that inference on {@code batch} images needs beside the weights; backends may add scratch of their own. */
    public static long ofInference(VitConfig config, int batch) {
        MemoryPlan plan = new MemoryPlan();
        new Activations(plan, config, batch, Activations.Purpose.INFERENCE);
        return plan.byteSize();
    }
}
