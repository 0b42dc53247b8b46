// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.Safetensors;
import dev.vitesse.kernels.TestDevice;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * One backend against PyTorch: forward pass, loss and every gradient of three models in each of three naming schemes.
 * {@code src/test/resources/golden/README.md} says how the files were made. A subclass names the device.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class GoldenConformance {
    private final TestDevice device;
    private Backend backend;

    /**
     * @param device as {@link dev.vitesse.backend.Backends#open} takes it
     * @param required whether an unusable device fails the tests; else they are skipped with the provider's reason
     */
    GoldenConformance(String device, boolean required) {
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

    @ParameterizedTest
    @CsvSource({"tiny,timm", "tiny,hf", "tiny,torchvision", "odd,timm", "odd,hf", "odd,torchvision", "mnist,timm",
        "mnist,hf", "mnist,torchvision"})
    void agreesWithPyTorch(String name, String scheme) throws IOException {
        try (LoadedModel loaded = ModelFiles.load(golden(name + "." + scheme), backend);
                Safetensors file = Safetensors.open(golden(name + ".expected"))) {
            int[] labels = Arrays.stream(file.longs("labels")).mapToInt(Math::toIntExact).toArray();
            Map<String, float[]> expected = new LinkedHashMap<>();
            for (String tensor : file.tensors().keySet()) {
                if (!tensor.equals("input") && !tensor.equals("labels")) {
                    expected.put(tensor, file.floats(tensor));
                }
            }
            try (Verification verification = new Verification(loaded.model(), file.floats("input"), labels)) {
                assertThat(verification.tensors()).containsExactlyInAnyOrderElementsOf(expected.keySet());
                assertThat(verification.compare(expected))
                        .allSatisfy(comparison -> assertThat(comparison.withinTolerance()).isTrue());
            }
        }
    }

    static Path golden(String name) {
        try {
            return Path.of(Objects.requireNonNull(
                    GoldenConformance.class.getResource("/golden/" + name + ".safetensors"), name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
