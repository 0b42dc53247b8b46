// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.reference.ReferenceBackend;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VerificationTest {
    private static final VitConfig CONFIG = TinyModels.all().get("norm after the patches");

    private final Backend backend = new ReferenceBackend();

    @AfterEach
    void close() {
        backend.close();
    }

    private Verification verification(VitConfig config) {
        float[] images = new float[2 * config.imageElements()];
        for (int i = 0; i < images.length; i++) {
            images[i] = (i % 7 - 3) / 3f;
        }
        return new Verification(VisionTransformer.create(config, backend, 1), images, new int[] {0, 2});
    }

    @Test
    void everyTensorAgreesWithItself() {
        TinyModels.all().values().stream().filter(c -> c.dropout() == 0 && c.dropPath() == 0).forEach(config -> {
            try (Verification verification = verification(config)) {
                Map<String, float[]> expected = new HashMap<>();
                verification.tensors().forEach(name -> expected.put(name, verification.value(name)));
                assertThat(verification.compare(expected)).hasSize(expected.size()).allSatisfy(comparison -> {
                    assertThat(comparison.difference()).isZero();
                    assertThat(comparison.withinTolerance()).isTrue();
                });
                assertThat(expected.keySet()).contains("logits", "loss", "grad.input", "grad.head.weight",
                        "activation.patch_embed.proj", "activation.blocks.0.attn", "activation.blocks.0");
            }
        });
    }

    /** One element off by a little more than its tolerance, or not a number. */
    @ParameterizedTest
    @ValueSource(strings = {"logits", "loss", "activation.blocks.1.mlp", "activation.norm_pre", "grad.norm.bias"})
    void aDifferenceIsFound(String tensor) {
        try (Verification verification = verification(CONFIG)) {
            float[] values = verification.value(tensor);
            double tolerance = verification.compare(tensor, values).tolerance();
            double largest = verification.compare(tensor, values).largest();
            values[values.length - 1] += (float) (1.5 * tolerance * largest);
            Verification.Comparison comparison = verification.compare(tensor, values);
            assertThat(comparison.withinTolerance()).isFalse();
            assertThat(comparison.relativeDifference()).isEqualTo(1.5 * tolerance, within(0.1 * tolerance));
            values[0] = Float.NaN;
            assertThat(verification.compare(tensor, values).withinTolerance()).isFalse();
        }
    }

    @Test
    void whatCannotBeComparedIsRefused() {
        try (Verification verification = verification(CONFIG)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> verification.compare("activation.blocks.9", new float[1]))
                    .withMessageStartingWith("nothing to compare tensor 'activation.blocks.9' with; known are ");
            assertThatIllegalArgumentException().isThrownBy(() -> verification.compare("logits", new float[7]))
                    .withMessage("tensor 'logits' has 7 elements; the model's has 6");
        }
    }

    @Test
    void batchesThatDoNotFitAreRefused() {
        VisionTransformer model = new VisionTransformer(CONFIG, backend);
        assertThatIllegalArgumentException().isThrownBy(() -> new Verification(model, new float[32], new int[] {0, 1}))
                .withMessage("images has 32 elements; 2 labels need 64, at least one image");
        assertThatIllegalArgumentException().isThrownBy(() -> new Verification(model, new float[0], new int[0]));
        assertThatIllegalArgumentException().isThrownBy(() -> new Verification(model, new float[32], new int[] {3}))
                .withMessage("label 3 is not one of 0 to 2");
        VisionTransformer dropping = new VisionTransformer(CONFIG.toBuilder().dropout(0.1f).build(), backend);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Verification(dropping, new float[32], new int[] {0}))
                .withMessageContaining("dropout");
    }
}
