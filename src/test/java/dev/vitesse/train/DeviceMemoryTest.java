// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.MemoryPlan;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import org.junit.jupiter.api.Test;

class DeviceMemoryTest {
    private static final int BATCH = 5;
    private static final OptimizerRule ADAM = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);
    private static final VitConfig CONFIG = VitConfig.builder().imageSize(12).patchSize(4).channels(1).width(16).depth(2)
            .heads(2).classes(3).dropout(0.1f).dropPath(0.1f).layerScale(0.5f).build();

    @Test
    void plansCountWhatTensorsAndStepsHold() {
        try (Backend backend = Backends.open("reference");
                VisionTransformer model = new VisionTransformer(CONFIG, backend);
                TrainingStep step = new TrainingStep(model, BATCH, ADAM, 1, 0);
                Inference inference = model.inference(BATCH)) {
            long weights = model.weights().slabs().values().stream().mapToLong(Tensor::byteSize).sum();
            assertThat(DeviceMemory.ofInference(CONFIG, BATCH, backend)).isEqualTo(weights + inference.byteSize());
            long training = DeviceMemory.ofTraining(CONFIG, BATCH, ADAM, 0, backend);
            // Labels, schedule, norms and metrics are not worth a number of their own.
            assertThat(training - weights - step.byteSize()).isBetween(1L, 1024L);
            assertThat(DeviceMemory.ofTraining(CONFIG, BATCH, ADAM, BATCH, backend))
                    .isEqualTo(training + inference.byteSize());
        }
    }

    @Test
    void aPlanIsOnlyShapes() {
        try (Backend backend = Backends.open("reference")) {
            MemoryPlan plan = new MemoryPlan(backend);
            Tensor tensor = plan.tensor("huge", 1 << 20, 1 << 20);
            assertThat(plan.byteSize()).isEqualTo(1L << 42);
            assertThat(tensor.slice(3).shape()).containsExactly(1 << 20);
            assertThat(tensor.rows(1, 2).reshape(1 << 21).shape()).containsExactly(1 << 21);
        }
    }
}
