// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Tensor;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFilesTest {
    private static final VitConfig SMALL = VitConfig.builder().imageSize(8).patchSize(4).channels(1).width(6).depth(2)
            .heads(2).mlpWidth(5).classes(3).build();
    private static final Map<String, String> TINY = Map.ofEntries(Map.entry("image_size", "32"),
            Map.entry("patch_size", "8"), Map.entry("num_layers", "2"), Map.entry("num_heads", "3"),
            Map.entry("hidden_dim", "48"), Map.entry("mlp_dim", "192"), Map.entry("num_classes", "7"),
            Map.entry("channels", "3"), Map.entry("layer_norm_eps", "1e-6"), Map.entry("gelu", "erf"),
            Map.entry("pool", "class_token"));
    private static final ModelInfo INFO =
            new ModelInfo(List.of("a", "b", "c"), Preprocessing.squash(1, 8, 0.13f, 0.31f));

    @TempDir
    Path folder;

    private Backend backend;

    @BeforeEach
    void open() {
        backend = Backends.open("reference");
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    void loadsWhatItSaved() throws IOException {
        VitConfig config = SMALL.toBuilder().meanPooling().patchNorm(true).layerScale(0.1f).headHidden(List.of(4))
                .build();
        VisionTransformer model = VisionTransformer.create(config, backend, 1);
        ModelFiles.save(folder.resolve("new").resolve("run"), model, INFO);
        for (String path : List.of("new/run", "new/run/model.safetensors")) {
            try (LoadedModel loaded = ModelFiles.load(folder.resolve(path), backend)) {
                assertThat(loaded.model().config()).isEqualTo(config);
                assertThat(loaded.info()).isEqualTo(INFO);
                assertThat(loaded.scheme().title()).isEqualTo("timm");
                assertSameWeights(loaded.model(), model);
            }
        }
        Files.delete(folder.resolve("new/run/config.json"));
        try (LoadedModel loaded = ModelFiles.load(folder.resolve("new/run"), backend)) {
            assertThat(loaded.model().config()).isEqualTo(config);
            assertThat(loaded.info()).isEqualTo(INFO);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"tiny", "odd", "mnist"})
    void readsTheSameWeightsInEveryScheme(String name) throws Exception {
        try (LoadedModel timm = ModelFiles.load(golden(name + ".timm"), backend);
                LoadedModel torchvision = ModelFiles.load(golden(name + ".torchvision"), backend);
                LoadedModel huggingFace = ModelFiles.load(golden(name + ".hf"), backend);
                Safetensors file = Safetensors.open(golden(name + ".timm"))) {
            assertThat(torchvision.scheme().title()).isEqualTo("torchvision");
            assertThat(huggingFace.scheme().title()).isEqualTo("Hugging Face v4");
            for (Map.Entry<String, Tensor> parameter : timm.model().weights().named().entrySet()) {
                assertThat(parameter.getValue().toFloats()).containsExactly(file.floats(parameter.getKey()));
            }
            assertSameWeights(torchvision.model(), timm.model());
            assertSameWeights(huggingFace.model(), timm.model());
        }
    }

    @Test
    void readsOtherSpellings() throws Exception {
        Path hf = golden("tiny.hf");
        assertReads(hf, name -> name.replace("vit.encoder.layer.", "vit.layers.")
                .replace("attention.attention.query", "attention.q_proj")
                .replace("attention.attention.key", "attention.k_proj")
                .replace("attention.attention.value", "attention.v_proj")
                .replace("attention.output.dense", "attention.o_proj")
                .replace("intermediate.dense", "mlp.fc1").replace("output.dense", "mlp.fc2"), "Hugging Face v5");
        assertReads(hf, name -> name.replace("vit.", ""), "Hugging Face v4");
        assertReads(golden("tiny.torchvision"),
                name -> name.replace("mlp.0", "mlp.linear_1").replace("mlp.3", "mlp.linear_2"), "torchvision");
    }

    private void assertReads(Path original, UnaryOperator<String> rename, String scheme) throws IOException {
        try (LoadedModel loaded = ModelFiles.load(renamed(original, rename), backend);
                LoadedModel expected = ModelFiles.load(original, backend)) {
            assertThat(loaded.scheme().title()).isEqualTo(scheme);
            assertSameWeights(loaded.model(), expected.model());
        }
    }

    @Test
    void listsEveryDifference() throws Exception {
        assertRefused(renamed(golden("tiny.timm"), name -> name.replace("head.bias", "head.extra")),
                "missing head.bias; unexpected head.extra;");
        assertRefused(renamed(golden("tiny.hf"), name -> name.replace("0.attention.attention.key.bias", "0.x")),
                "missing vit.encoder.layer.0.attention.attention.key.bias; unexpected vit.encoder.layer.0.x;");
        assertRefused(renamed(golden("tiny.timm"), name -> "x." + name), "named in no known way");
    }

    @Test
    void refusesAConfigurationThatDoesNotFit() throws Exception {
        VitConfig tiny = VitConfigs.fromMetadata(golden("tiny.timm"), TINY).config();
        assertRefused(configured("tiny.timm", tiny.toBuilder().classes(8).build()),
                "misshapen head.weight is [7, 48], expected [8, 48], head.bias is [7], expected [8];");
        assertRefused(configured("tiny.hf", tiny.toBuilder().headWidth(15).build()),
                "misshapen vit.encoder.layer.0.attention.attention.query.weight is [48, 48], expected [45, 48]");
        assertRefused(configured("tiny.timm", SMALL.toBuilder().depth(1_000_000_000).build()), "too few for the");
        assertRefused(configured("tiny.timm", SMALL.toBuilder().width(46341).heads(46341).headWidth(46342).build()),
                "cannot hold the weights");
    }

    /** The golden file with {@code config.json} in place of its own configuration. */
    private Path configured(String name, VitConfig config) throws Exception {
        Path path = renamed(golden(name), UnaryOperator.identity());
        try (Safetensors file = Safetensors.open(path)) {
            SafetensorsWriter writer = new SafetensorsWriter();
            for (TensorFile.Entry entry : file.tensors().values()) {
                writer.add(entry.name(), entry.type(), entry.shape(), file.bytes(entry.name()));
            }
            writer.write(path);
        }
        Files.writeString(path.resolveSibling("config.json"), VitConfigs.toJson(config, ModelInfo.NONE));
        return path;
    }

    @Test
    void refusesContradictionsAndMissingConfigurations() throws Exception {
        VisionTransformer model = VisionTransformer.create(SMALL, backend, 1);
        ModelFiles.save(folder, model, INFO);
        Path config = folder.resolve("config.json");
        Files.writeString(config, VitConfigs.toJson(SMALL.toBuilder().dropout(0.5f).build(), INFO));
        ModelFiles.load(folder, backend).close();
        Files.writeString(config, VitConfigs.toJson(SMALL.toBuilder().heads(3).build(), INFO));
        assertThatThrownBy(() -> ModelFiles.load(folder, backend)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("contradicts the metadata of model.safetensors");
        Files.delete(config);
        new SafetensorsWriter().add("cls_token", new float[6], 1, 1, 6).write(folder.resolve("model.safetensors"));
        assertThatThrownBy(() -> ModelFiles.load(folder, backend)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("has no configuration");
    }

    @Test
    void restoresCheckpointsExactly() throws IOException {
        Path path = folder.resolve("state.safetensors");
        Map<String, Tensor> tensors = Map.of("w", backend.tensor("w", 2, 3),
                "steps", backend.tensor("steps", dev.vitesse.backend.ElementType.INT32, 2));
        tensors.get("w").write(new float[] {1, -0f, Float.NaN, 4, 5, 6});
        tensors.get("steps").write(new int[] {-1, 7});
        Map<String, String> state = Map.of("step", "12", "random", "a b\nc");
        Checkpoint.write(path, tensors, state);
        tensors.get("w").write(new float[6]);
        tensors.get("steps").write(new int[2]);
        try (Checkpoint checkpoint = Checkpoint.read(path)) {
            assertThat(checkpoint.state()).isEqualTo(state);
            checkpoint.restore(tensors);
            assertThat(tensors.get("w").toFloats()).containsExactly(1, -0f, Float.NaN, 4, 5, 6);
            int[] steps = new int[2];
            tensors.get("steps").read(MemorySegment.ofArray(steps));
            assertThat(steps).containsExactly(-1, 7);

            Map<String, Tensor> others = Map.of("w", backend.tensor("w", 3, 2), "v", backend.tensor("v", 1));
            assertThatThrownBy(() -> checkpoint.restore(others)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("misshapen w F32[2, 3], expected FLOAT32[3, 2]")
                    .hasMessageContaining("missing v").hasMessageContaining("unexpected steps");
        }
        Path model = folder.resolve("model.safetensors");
        new SafetensorsWriter().write(model);
        assertThatThrownBy(() -> Checkpoint.read(model)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("is no checkpoint");
    }

    private void assertRefused(Path path, String problem) {
        assertThatThrownBy(() -> ModelFiles.load(path, backend)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(path + ": ").hasMessageContaining(problem);
    }

    private static void assertSameWeights(VisionTransformer actual, VisionTransformer expected) {
        Map<String, Tensor> weights = actual.weights().named();
        expected.weights().named().forEach((name, tensor) ->
                assertThat(weights.get(name).toFloats()).as(name).containsExactly(tensor.toFloats()));
    }

    /** A copy with other names, in a folder of its own. */
    private Path renamed(Path original, UnaryOperator<String> rename) throws IOException {
        Path copy = Files.createTempDirectory(folder, "model").resolve("model.safetensors");
        try (Safetensors file = Safetensors.open(original)) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata(file.metadata());
            for (TensorFile.Entry entry : file.tensors().values()) {
                writer.add(rename.apply(entry.name()), entry.type(), entry.shape(), file.bytes(entry.name()));
            }
            writer.write(copy);
        }
        return copy;
    }

    private static Path golden(String name) throws URISyntaxException {
        return Path.of(ModelFilesTest.class.getResource("/golden/" + name + ".safetensors").toURI());
    }
}
