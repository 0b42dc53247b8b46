// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.TrainingStep;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Whole training steps and passes on TornadoVM, against the CPU where there is something to compare. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TornadoTrainingTest {
    private static final OptimizerRule ADAMW = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);
    private static final int BATCH = 4;

    private TornadoBackend backend;

    @BeforeAll
    void open() {
        backend = (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS);
    }

    @AfterAll
    void close() {
        backend.close();
    }

    private static float rate(int step) {
        return 1e-3f * Math.min(1, step / 20f) * (1 - step / 400f);
    }

    private static float[] losses(Backend backend, VitConfig config, int steps) {
        float[] losses = new float[steps];
        SplittableRandom random = new SplittableRandom(7);
        try (VisionTransformer model = VisionTransformer.create(config, backend, 3);
                TrainingStep step = new TrainingStep(model, BATCH, ADAMW, 1, 0.1f)) {
            for (int i = 1; i <= steps; i++) {
                losses[i - 1] = step.run(images(random, config), labels(random, config), rate(i), i, 5).loss();
            }
        }
        return losses;
    }

    private static float[] images(SplittableRandom random, VitConfig config) {
        float[] images = new float[BATCH * config.imageElements()];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextDouble(-1, 1);
        }
        return images;
    }

    private static int[] labels(SplittableRandom random, VitConfig config) {
        return random.ints(BATCH, 0, config.classes()).toArray();
    }

    @Test
    void mnistFollowsTheLossCurveOfTheCpuFor200Steps() {
        float[] expected;
        try (Backend cpu = Backends.open("cpu")) {
            expected = losses(cpu, VitConfig.mnist(), 200);
        }
        float[] actual = losses(backend, VitConfig.mnist(), 200);
        float worst = 0;
        for (int i = 0; i < expected.length; i++) {
            worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
        }
        System.out.printf("TornadoVM against the CPU, mnist, 200 steps: loss %.6f and %.6f at the end, largest difference %.2g;"
                + " %d kernels compiled%n", actual[199], expected[199], worst, backend.log().kernels());
        assertThat(worst).isLessThan(1e-3f);
    }

    /** Merged kernels are what a CPU gets, and what the other tests here run; these are those of a GPU. */
    @Test
    void kernelsThatAreNotMergedGiveTheSameLossesInOneExecutionEach() {
        VitConfig config = VitConfig.preset("lightvit");
        float[] merged = losses(backend, config, 3);
        TornadoTarget target = backend.target();
        try (TornadoBackend separate = TornadoBackend.open(
                target, "tornado", BackendOptions.DEFAULTS, TornadoVariant.portable(false))) {
            assertThat(losses(separate, config, 3)).usingComparatorWithPrecision(1e-6f).containsExactly(merged);
            assertThat(separate.log().executions()).isEqualTo(3);
            System.out.printf("TornadoVM, lightvit, 3 training steps with separate kernels: %d kernels compiled, %d executions%n",
                    separate.log().kernels(), separate.log().executions());
        }
    }

    @Test
    void evaluationSeesTrainedWeightsAndWrittenOnes() {
        VitConfig config = VitConfig.preset("lightvit");
        SplittableRandom random = new SplittableRandom(11);
        float[] images = images(random, config);
        int[] labels = labels(random, config);
        try (Backend cpu = Backends.open("cpu");
                VisionTransformer model = VisionTransformer.create(config, backend, 3);
                VisionTransformer other = VisionTransformer.create(config, cpu, 3);
                TrainingStep step = new TrainingStep(model, BATCH, ADAMW, 1, 0);
                TrainingStep otherStep = new TrainingStep(other, BATCH, ADAMW, 1, 0);
                Inference inference = model.inference(BATCH);
                Inference otherInference = other.inference(BATCH)) {
            for (int i = 1; i <= 3; i++) {
                step.run(images, labels, 0.01f * i, i, 1);
                otherStep.run(images, labels, 0.01f * i, i, 1);
                assertClose(inference.logits(images, BATCH), otherInference.logits(images, BATCH));
            }
            Tensor head = model.weights().named().get("head.bias");
            head.write(new float[config.classes()]);
            other.weights().named().get("head.bias").write(new float[config.classes()]);
            assertClose(inference.logits(images, BATCH), otherInference.logits(images, BATCH));
        }
    }

    private static void assertClose(float[] actual, float... expected) {
        for (int i = 0; i < expected.length; i++) {
            assertThat(Math.abs(actual[i] - expected[i])).as("logit %d", i).isLessThan(2e-4f);
        }
    }

    @Test
    void aHundredReplaysGiveTheSameBitsAndMemoryStaysFlat() {
        VitConfig config = VitConfig.preset("lightvit");
        SplittableRandom random = new SplittableRandom(13);
        float[] images = images(random, config);
        try (VisionTransformer model = VisionTransformer.create(config, backend, 3);
                Inference inference = model.inference(BATCH)) {
            float[] first = inference.logits(images, BATCH);
            for (int i = 0; i < 100; i++) {
                assertThat(inference.logits(images, BATCH)).containsExactly(first);
            }
            long before = residentKibibytes();
            for (int i = 0; i < 1000; i++) {
                inference.logits(images, BATCH);
            }
            long growth = residentKibibytes() - before;
            System.out.printf("TornadoVM, 1000 executions: %d KiB more%n", growth);
            assertThat(growth).isLessThan(32 << 10);
        }
    }

    /** Resident memory of this process after garbage was collected; 0 where the system does not tell. */
    private static long residentKibibytes() {
        System.gc();
        try {
            return java.nio.file.Files.readAllLines(java.nio.file.Path.of("/proc/self/status")).stream()
                    .filter(line -> line.startsWith("VmRSS:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                    .sum();
        } catch (java.io.IOException e) {
            return 0;
        }
    }
}
