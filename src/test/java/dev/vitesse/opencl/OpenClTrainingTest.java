// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.kernels.TestDevice;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.TrainingStep;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Whole training steps, on data that changes from step to step. */
class OpenClTrainingTest {
    private static final int STEPS = 10;
    private static final int BATCH = 12;
    /** Everything that a step may do is in it: dropout, drop path, layer scale. */
    private static final VitConfig CONFIG = VitConfig.builder().imageSize(12).patchSize(4).channels(1).width(16).depth(2)
            .heads(2).classes(3).dropout(0.1f).dropPath(0.1f).layerScale(0.5f).build();

    private Backend backend;

    @BeforeEach
    void open() {
        backend = new TestDevice("opencl", false).open();
    }

    @AfterEach
    void close() {
        if (backend != null) {
            backend.close();
        }
    }

    /** What ten steps from the same start give: their losses and, bit for bit, the weights. */
    private record Run(List<Float> losses, List<float[]> weights) {
        static Run on(Backend backend) {
            Random random = new Random(4);
            List<Float> losses = new ArrayList<>();
            try (VisionTransformer model = VisionTransformer.create(CONFIG, backend, 5);
                    TrainingStep step = new TrainingStep(
                            model, BATCH, new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true), 1, 0.1f)) {
                for (int i = 1; i <= STEPS; i++) {
                    float[] images = new float[BATCH * CONFIG.imageElements()];
                    int[] labels = new int[BATCH];
                    for (int b = 0; b < BATCH; b++) {
                        labels[b] = random.nextInt(3);
                        for (int p = 0; p < CONFIG.imageElements(); p++) {
                            images[b * CONFIG.imageElements() + p] = (float) random.nextGaussian() + labels[b];
                        }
                    }
                    losses.add(step.run(images, labels, 1e-2f, i, 7).loss());
                }
                return new Run(losses, model.weights().named().values().stream().map(t -> t.toFloats()).toList());
            }
        }
    }

    @Test
    void equalStepsGiveEqualBits() {
        Run first = Run.on(backend);
        Run second = Run.on(backend);
        assertThat(second.losses()).isEqualTo(first.losses());
        assertThat(second.weights()).usingElementComparator(Arrays::compare).isEqualTo(first.weights());
    }

    @Test
    void lossesFollowThoseOfTheReference() {
        Run actual = Run.on(backend);
        try (Backend reference = Backends.open("reference")) {
            Run expected = Run.on(reference);
            for (int i = 0; i < STEPS; i++) {
                assertThat(actual.losses().get(i)).as("step %d", i + 1)
                        .isCloseTo(expected.losses().get(i), within(1e-3f));
            }
            assertThat(actual.losses().getLast()).isLessThan(actual.losses().getFirst());
        }
    }
}
