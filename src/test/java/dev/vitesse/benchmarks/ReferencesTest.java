// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReferencesTest {
    private static final Workload TRAINING = Workload.training("lightvit", 8);

    /** Device cpu without one of its operations: what that one writes stays what it was. */
    private record Faulty(Backend backend, String missing) implements Backend {
        @Override
        public String name() {
            return backend.name();
        }

        @Override
        public Tensor tensor(String name, ElementType type, int... shape) {
            return backend.tensor(name, type, shape);
        }

        @Override
        public Program record(String name, Consumer<Kernels> body) {
            return backend.record(name, kernels -> body.accept((Kernels) Proxy.newProxyInstance(
                    Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, arguments) -> {
                        try {
                            return method.getName().equals(missing) ? null : method.invoke(kernels, arguments);
                        } catch (InvocationTargetException e) {
                            throw e.getCause();
                        }
                    })));
        }

        @Override
        public void close() {
            backend.close();
        }
    }

    private static boolean isRight(Workload workload, String missing) {
        List<References.Expected> expected = References.expected(workload);
        Map<String, int[]> inputs = References.inputs(workload);
        try (Backend cpu = new Faulty(Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(1)), missing);
                Job job = Job.of(workload, cpu, inputs::get)) {
            Map<String, int[]> answer = job.answer();
            assertThat(answer.keySet()).containsAll(expected.stream().map(References.Expected::name).toList());
            return expected.stream().allMatch(
                    each -> each.difference(Job.floats(answer.get(each.name()))).within());
        }
    }

    @Test
    void rightResultsAreWithinTheirTolerances() {
        assertThat(isRight(TRAINING, "")).isTrue();
        assertThat(isRight(Workload.inference("lightvit", 2), "")).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"layerNormBackward", "attentionBackward", "linearBackwardWeight", "linearBackwardInput", "pool"})
    void aTrainingStepThatLacksAnOperationIsWrong(String missing) {
        assertThat(isRight(TRAINING, missing)).isFalse();
    }

    @Test
    void oneWrongElementOfOneGradientIsSeen() {
        List<References.Expected> expected = References.expected(TRAINING);
        assertThat(expected).extracting(References.Expected::name).hasSizeGreaterThan(30)
                .contains("loss", "gradientNorm", "grad.blocks.1.mlp.fc2.bias");
        for (References.Expected each : expected) {
            float[] values = new float[each.values().length];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) each.values()[i];
            }
            assertThat(each.difference(values).within()).isTrue();
            double largest = 0;
            for (double value : each.values()) {
                largest = Math.max(largest, Math.abs(value));
            }
            values[values.length / 2] += (float) (1e-3 * largest);
            assertThat(each.difference(values).within()).as(each.name()).isFalse();
            assertThat(each.difference(values).relative()).isBetween(0.9e-3, 1.1e-3);
        }
    }

    /** A step of b/16 on one image takes minutes of the reference, which computes one of its blocks instead. */
    @Test
    void ofALargeModelTheReferenceComputesAPart() {
        Workload large = Workload.training("b/16", 8);
        assertThat(ModelData.checked(large).isPartOf(large)).isTrue();
        assertThat(References.description(large, "reference")).isEqualTo("reference, 1 of 8 images, 1 of 12 blocks");
        assertThat(References.description(large, "cpu")).isEqualTo("cpu, 1 of 8 images");
        Workload small = Workload.inference("b/16", 1);
        assertThat(ModelData.checked(small).isPartOf(small)).isFalse();
        assertThat(References.description(small, "reference")).isEqualTo("reference");
    }

    @Test
    void samplesHaveEqualDistances() {
        assertThat(ModelData.sample(new float[] {1, 2, 3})).containsExactly(1, 2, 3);
        float[] sample = ModelData.sample(new float[3 * ModelData.CHECKED_ELEMENTS - 1]);
        assertThat(sample).hasSize(ModelData.CHECKED_ELEMENTS);
    }
}
