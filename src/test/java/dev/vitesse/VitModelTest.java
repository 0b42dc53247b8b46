// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.image.Image;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.io.Safetensors;
import dev.vitesse.model.Intermediates;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VitModelTest {
    private static final VitModel.Options CPU = VitModel.Options.DEFAULTS.withDevice("cpu").withThreads(2);

    @TempDir
    Path folder;

    @Test
    void givesPyTorchsLogitsForBatchesOfAnySize() throws Exception {
        try (VitModel model = VitModel.load(golden("tiny.hf"), CPU.withBatch(4));
                Safetensors expected = Safetensors.open(golden("tiny.expected"))) {
            float[] images = expected.floats("input");
            float[] logits = expected.floats("logits");
            model.compile(5);
            assertThatThrownBy(() -> model.compile(-1)).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("images is -1, must be at least 0");
            for (int copies : new int[] {0, 1, 2, 5}) {
                assertClose(model.logits(repeat(images, copies)), repeat(logits, copies));
            }
            assertThat(model.device()).startsWith("cpu");
            assertThatThrownBy(() -> model.logits(new float[100])).isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("images has 100 elements; it must be a multiple of 3072");
        }
    }

    @Test
    void classifiesWithTheLabelsOfTheFiles() throws IOException {
        Image image = new Image(5, 7, 1, new byte[35]);
        try (VitModel model = VitModel.load(saved(new ModelInfo(List.of("cat", "dog", "none"),
                Preprocessing.squash(1, 8, 0.5f, 0.25f))), CPU)) {
            List<Prediction> all = model.classify(image, 5);
            assertThat(all).hasSize(3).extracting(Prediction::label).containsExactlyInAnyOrder("cat", "dog", "none");
            assertThat(all).isSortedAccordingTo((a, b) -> Double.compare(b.probability(), a.probability()));
            assertThat(all.stream().mapToDouble(Prediction::probability).sum()).isCloseTo(1, within(1e-12));
            assertThat(model.classify(image, 1)).containsExactly(all.getFirst());
            assertThat(model.labels()).containsExactly("cat", "dog", "none");
            assertThat(model.prepare(image)).hasSize(64).containsOnly(-2);
        }
    }

    @Test
    void preparesImagesForTheSizeThatItIsAskedFor() throws Exception {
        Path path = saved(new ModelInfo(List.of(), Preprocessing.squash(1, 8, 0.5f, 0.25f)));
        try (VitModel model = VitModel.load(path, CPU.withImageSize(16))) {
            assertThat(model.config().tokens()).isEqualTo(17);
            assertThat(model.classify(new Image(5, 7, 1, new byte[35]), 3)).hasSize(3);
        }
        try (VitModel model = VitModel.load(path, CPU.with("mean", "0").with("std", "1"))) {
            assertThat(model.prepare(new Image(1, 1, 1, new byte[1]))).containsOnly(0);
        }
        assertThatThrownBy(() -> CPU.with("depth", "3")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void doesNotGuessHowImagesAreNormalised() throws IOException {
        try (VitModel model = VitModel.load(saved(ModelInfo.NONE), CPU)) {
            assertThatThrownBy(() -> model.classify(new Image(1, 1, 1, new byte[1]), 1))
                    .isInstanceOf(InvalidFileException.class).hasMessageContaining("does not say how images are");
        }
    }

    @Test
    void servesManyThreads() throws Exception {
        try (VitModel model = VitModel.load(golden("tiny.timm"), CPU.withBatch(2));
                Safetensors expected = Safetensors.open(golden("tiny.expected"));
                ExecutorService threads = Executors.newFixedThreadPool(8)) {
            float[] images = expected.floats("input");
            int elements = model.config().imageElements();
            List<Future<float[]>> answers = new ArrayList<>();
            for (int call = 0; call < 60; call++) {
                int image = call % 3;
                answers.add(threads.submit(
                        () -> model.logits(Arrays.copyOfRange(images, image * elements, (image + 1) * elements))));
            }
            for (int call = 0; call < 60; call++) {
                int image = call % 3;
                assertClose(answers.get(call).get(),
                        Arrays.copyOfRange(expected.floats("logits"), 7 * image, 7 * image + 7));
            }
        }
    }

    @Test
    void keepsWhatEveryBlockComputes() throws Exception {
        try (VitModel model = VitModel.load(golden("tiny.timm"), CPU);
                Safetensors expected = Safetensors.open(golden("tiny.expected"))) {
            float[] image = Arrays.copyOf(expected.floats("input"), model.config().imageElements());
            int tokens = model.config().tokens();
            int elements = tokens * model.config().width();
            float[] attention = model.intermediates(image, (Intermediates i) -> {
                assertClose(i.block(1), Arrays.copyOf(floats(expected, "activation.blocks.1"), elements));
                assertClose(i.tokens(), Arrays.copyOf(floats(expected, "activation.norm"), elements));
                assertClose(i.logits(), Arrays.copyOf(floats(expected, "logits"), 7));
                assertThat(i.pooled()).containsExactly(Arrays.copyOf(i.tokens(), model.config().width()));
                return i.attention(0);
            });
            assertThat(attention).hasSize(model.config().heads() * tokens * tokens);
            for (int row = 0; row < attention.length; row += tokens) {
                double sum = 0;
                for (int j = 0; j < tokens; j++) {
                    sum += attention[row + j];
                }
                assertThat(sum).isCloseTo(1, within(1e-5));
            }
        }
    }

    @Test
    void failsOnceItIsClosed() throws Exception {
        VitModel model = VitModel.load(golden("tiny.timm"), CPU);
        float[] image = new float[model.config().imageElements()];
        model.logits(image);
        model.close();
        model.close();
        assertThatThrownBy(() -> model.logits(image)).isInstanceOf(IllegalStateException.class)
                .hasMessage("the model is closed");
    }

    private Path saved(ModelInfo info) throws IOException {
        VitConfig config = VitConfig.builder().imageSize(8).patchSize(4).channels(1).width(6).depth(1).heads(2)
                .mlpWidth(5).classes(3).build();
        try (Backend backend = Backends.open("reference")) {
            ModelFiles.save(folder, VisionTransformer.create(config, backend, 3), info);
        }
        return folder;
    }

    private static float[] floats(Safetensors file, String name) {
        try {
            return file.floats(name);
        } catch (InvalidFileException e) {
            throw new IllegalStateException(e);
        }
    }

    private static float[] repeat(float[] values, int times) {
        float[] repeated = new float[values.length * times];
        for (int i = 0; i < times; i++) {
            System.arraycopy(values, 0, repeated, i * values.length, values.length);
        }
        return repeated;
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSize(expected.length);
        float largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < actual.length; i++) {
            assertThat(actual[i]).as("element " + i).isCloseTo(expected[i], within(2e-5f * largest));
        }
    }

    private static Path golden(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(VitModelTest.class.getResource("/golden/" + name + ".safetensors"))
                .toURI());
    }
}
