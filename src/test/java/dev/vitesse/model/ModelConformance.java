// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Tensor;
import dev.vitesse.kernels.TestDevice;
import dev.vitesse.reference.ReferenceBackend;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** One backend against the reference in every branch that a configuration can take. A subclass names the device. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class ModelConformance {
    private static final double FORWARD_TOLERANCE = 2e-5;
    private static final double GRADIENT_TOLERANCE = 1e-4;

    private final TestDevice device;
    private Backend backend;

    /**
     * @param device as {@link dev.vitesse.backend.Backends#open} takes it
     * @param required whether an unusable device fails the tests; else they are skipped with the provider's reason
     */
    ModelConformance(String device, boolean required) {
        this.device = new TestDevice(device, required);
    }

    @BeforeAll
    void open() {
        backend = device.open();
    }

    @AfterAll
    void close() {
        if (backend != null) {
            backend.close();
        }
    }

    static Stream<String> models() {
        return TinyModels.all().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("models")
    void agreesWithTheReference(String name) {
        VitConfig config = TinyModels.all().get(name);
        try (ReferenceBackend reference = new ReferenceBackend();
                ModelPass expected = new ModelPass(config, reference);
                ModelPass actual = new ModelPass(config, backend)) {
            expected.run();
            actual.run();
            assertClose("metrics", expected.metrics(), actual.metrics(), FORWARD_TOLERANCE);
            assertClose("logits", expected.activations.logits, actual.activations.logits, FORWARD_TOLERANCE);
            expected.gradients().forEach((variable, gradient) -> assertClose(
                    "gradient of " + variable, gradient, actual.gradients().get(variable), GRADIENT_TOLERANCE));
            float[] logits = actual.activations.logits.toFloats();
            assertSameInEvaluation(config, actual, logits);
        }
    }

    /** The pass of inference, which shares tensors between blocks, gives what that of training gives. */
    private static void assertSameInEvaluation(VitConfig config, ModelPass pass, float[] logits) {
        if (config.dropout() == 0 && config.dropPath() == 0) {
            try (Inference inference = pass.model.inference(pass.activations.batch())) {
                float[] images = pass.activations.images.toFloats();
                assertThat(inference.logits(images, pass.activations.batch()))
                        .usingComparatorWithPrecision(1e-5f).containsExactly(logits);
            }
        }
    }

    /** Without a head, the model's output is what the head would read. */
    @Test
    void givesItsFeaturesWhereItHasNoHead() {
        VitConfig config = TinyModels.all().get("registers");
        try (VisionTransformer whole = VisionTransformer.create(config, backend, 7);
                VisionTransformer headless = VisionTransformer.create(config.toBuilder().classes(0).build(), backend, 7);
                Intermediates expected = whole.intermediates();
                Inference inference = headless.inference(1)) {
            float[] image = new float[config.imageElements()];
            Arrays.fill(image, 0.3f);
            expected.run(image);
            assertThat(inference.logits(image, 1)).containsExactly(expected.pooled());
            assertThatThrownBy(() -> headless.activations(1, true)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    private static void assertClose(String what, Tensor expected, Tensor actual, double tolerance) {
        float[] wanted = expected.toFloats();
        float[] found = actual.toFloats();
        double largest = 0;
        for (float x : wanted) {
            largest = Math.max(largest, Math.abs(x));
        }
        for (int i = 0; i < wanted.length; i++) {
            assertThat((double) found[i]).as("%s at %d of %s", what, i, Arrays.toString(expected.shape()))
                    .isCloseTo(wanted[i], within(tolerance * Math.max(largest, 1e-3)));
        }
    }
}
