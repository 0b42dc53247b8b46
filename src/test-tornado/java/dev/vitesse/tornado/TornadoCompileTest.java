// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.TrainingStep;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What is compiled, when, and who is told. */
class TornadoCompileTest {
    private static final OptimizerRule ADAMW = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);

    private final List<String> progress = new ArrayList<>();
    private final List<String> messages = new ArrayList<>();

    private TornadoBackend open() {
        return (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS
                .withMessages(messages::add)
                .withCompilation((program, done, count, kernel) ->
                        progress.add(program + " " + done + "/" + count + " " + (kernel.isEmpty() ? "end" : "begin"))));
    }

    private static List<String> steps(String program, int kernels) {
        return IntStream.rangeClosed(0, kernels)
                .mapToObj(done -> program + " " + done + "/" + kernels + " " + (done < kernels ? "begin" : "end")).toList();
    }

    @Test
    void everyKernelIsCompiledBeforeTheFirstRunAndNoneByARun() {
        VitConfig config = VitConfig.preset("lightvit");
        float[] images = new float[2 * config.imageElements()];
        try (TornadoBackend backend = open(); VisionTransformer model = VisionTransformer.create(config, backend, 1);
                TrainingStep step = new TrainingStep(model, 2, ADAMW, 1, 0.1f); Inference inference = model.inference(2)) {
            float[] before = model.weights().slabs().values().iterator().next().toFloats();
            step.compile();
            int ofStep = backend.log().kernels();
            inference.compile();
            int all = backend.log().kernels();
            assertThat(backend.log().executions()).as("compiling runs no program").isZero();
            assertThat(model.weights().slabs().values().iterator().next().toFloats()).isEqualTo(before);
            assertThat(ofStep).isGreaterThan(10);
            List<String> expected = new ArrayList<>(steps("training step", ofStep));
            if (all > ofStep) {
                expected.addAll(steps("inference", all - ofStep));
            }
            assertThat(progress).isEqualTo(expected);
            assertThat(messages.getFirst()).contains("compiling " + ofStep + " kernels of training step");
            assertThat(step.run(images, new int[2], 1e-3f, 1, 1).isFinite()).isTrue();
            inference.logits(images, 2);
            step.run(images, new int[2], 1e-3f, 2, 1);
            inference.logits(images, 2);
            assertThat(backend.log().kernels()).isEqualTo(all);
            assertThat(progress).hasSize(expected.size());
            assertThat(backend.log().plans()).as("the probe's and one for both programs").isEqualTo(2);
        }
    }

    @Test
    void aProgramIsCompiledOnceAlsoIfItIsRunAtOnce() {
        try (TornadoBackend backend = open(); Tensor x = backend.tensor("x", 2, 3); Tensor y = backend.tensor("y", 2, 3);
                Tensor gamma = backend.tensor("gamma", 3); Tensor statistics = backend.tensor("statistics", 2, 2);
                Program program = backend.record("p", k -> {
                    k.fill(x, 1);
                    k.layerNorm(y, statistics.slice(0), statistics.slice(1), x, gamma, gamma, 1e-6f);
                    k.fill(x, 2);
                })) {
            program.run();
            assertThat(progress).isEqualTo(steps("p", 2));
            program.run();
            program.compile();
            assertThat(progress).hasSize(3);
        }
    }

    /** TornadoVM's own way of compiling early does not survive that. */
    @Test
    void aCompiledProgramRunsAfterAnotherBackendHasBeenClosed() {
        try (TornadoBackend backend = open(); Tensor x = backend.tensor("x", 3);
                Program fill = backend.record("fill", k -> k.fill(x, 2))) {
            fill.compile();
            try (TornadoBackend other = open(); Tensor y = other.tensor("y", 3);
                    Program fillOther = other.record("fill", k -> k.fill(y, 3))) {
                fillOther.run();
                assertThat(y.toFloats()).containsOnly(3);
            }
            fill.run();
            assertThat(x.toFloats()).containsOnly(2);
        }
    }
}
