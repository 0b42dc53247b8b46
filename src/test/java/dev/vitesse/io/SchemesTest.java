// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfigBuilder;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Models under every library's names against what PyTorch makes of them ({@code schemes/make_golden.py}). */
class SchemesTest {
    /** A share of the largest logit. */
    private static final double TOLERANCE = 1e-5;

    private static final Map<String, String> TITLES = Map.ofEntries(
            Map.entry("hf_vit", "Hugging Face v4"), Map.entry("hf_vit_v5_names", "Hugging Face v5"),
            Map.entry("hf_vit_backbone", "Hugging Face v4"), Map.entry("hf_deit", "Hugging Face v4"),
            Map.entry("hf_deit_teacher", "Hugging Face v4"), Map.entry("hf_dinov2", "Hugging Face DINOv2 v4"),
            Map.entry("hf_dinov2_backbone", "Hugging Face DINOv2 v5"),
            Map.entry("hf_dinov2_registers", "Hugging Face DINOv2 v4"),
            Map.entry("hf_dinov2_registers_backbone", "Hugging Face DINOv2 v4"),
            Map.entry("timm_fc_norm.safetensors", "timm"), Map.entry("timm_registers.safetensors", "timm"),
            Map.entry("timm_no_embed_class.safetensors", "timm"), Map.entry("timm_distilled.safetensors", "timm"),
            Map.entry("timm_norm_pre.safetensors", "timm"), Map.entry("google_vit.npz", "Google ViT"),
            Map.entry("big_vision_stacked.npz", "Google big_vision"),
            Map.entry("big_vision_bfloat16.npz", "Google big_vision"),
            Map.entry("lucidrains_first.safetensors", "lucidrains vit-pytorch"),
            Map.entry("lucidrains_pre_norm.safetensors", "lucidrains vit-pytorch"),
            Map.entry("lucidrains_normed.safetensors", "lucidrains vit-pytorch"),
            Map.entry("lucidrains_new.safetensors", "lucidrains vit-pytorch"));

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

    static Stream<String> models() {
        return TITLES.keySet().stream().sorted();
    }

    @ParameterizedTest
    @MethodSource("models")
    void givesPyTorchsLogits(String name) throws Exception {
        try (LoadedModel loaded = ModelFiles.load(golden(name), backend)) {
            assertThat(loaded.scheme().title()).isEqualTo(TITLES.get(name));
            assertLogits(loaded, "input", name.replaceAll("\\..*", ""));
        }
    }

    @Test
    void takesImagesOfAnotherSize() throws Exception {
        LoadOptions larger = LoadOptions.NONE.withImageSize(12);
        try (LoadedModel loaded = ModelFiles.load(golden("hf_vit"), backend, larger)) {
            assertThat(loaded.model().config().tokens()).isEqualTo(10);
            assertLogits(loaded, "resized.input", "resized.hf_vit");
        }
        assertThatThrownBy(() -> ModelFiles.load(golden("lucidrains_new.safetensors"), backend, larger))
                .isInstanceOf(InvalidFileException.class).hasMessageContaining("has no way to fit positions to 12");
        assertThatThrownBy(() -> ModelFiles.load(golden("hf_vit"), backend, LoadOptions.NONE.withImageSize(13)))
                .isInstanceOf(IllegalArgumentException.class).hasMessageContaining("divisor of the image size 13");
    }

    private void assertLogits(LoadedModel loaded, String input, String name) throws Exception {
        try (TensorFile expected = Safetensors.open(golden("expected.safetensors"));
                Inference inference = loaded.model().inference(2)) {
            float[] images = expected.floats(input);
            int count = images.length / loaded.model().config().imageElements();
            float[] wanted = expected.floats(name);
            double largest = 0;
            for (float value : wanted) {
                largest = Math.max(largest, Math.abs(value));
            }
            float[] logits = inference.logits(images, count);
            assertThat(logits).hasSize(wanted.length);
            for (int i = 0; i < wanted.length; i++) {
                assertThat((double) logits[i]).as("logit %d of %s", i, name)
                        .isCloseTo(wanted[i], within(TOLERANCE * largest));
            }
        }
    }

    private static VitConfigBuilder small() {
        return VitConfig.builder().imageSize(8).patchSize(4).width(8).depth(2).heads(2).mlpWidth(12).classes(3);
    }

    @Test
    void asksForTheHeadsWhereNothingTellsThem() throws Exception {
        Path bare = copy("timm_registers.safetensors", name -> name, Map.of());
        assertRefused(bare, LoadOptions.NONE, "its tensors do not tell num_heads; put the model's config.json into the"
                + " same folder or give --set num_heads=VALUE");
        try (LoadPlan plan = LoadPlan.of(bare, LoadOptions.NONE.with("num_heads", "2"))) {
            assertThat(plan.config()).isEqualTo(small().registers(2).build());
            assertThat(plan.description().origins()).containsEntry("num_heads", "given by the user")
                    .containsEntry("registers", "tensor reg_token")
                    .containsEntry("layer_norm_eps", "convention of timm")
                    .containsEntry("image_size", "tensor pos_embed");
        }
        // Four positions may be those of four patches, or of three tokens and one patch.
        Path ambiguous = copy("timm_no_embed_class.safetensors", name -> name, Map.of());
        assertRefused(ambiguous, LoadOptions.NONE, "do not tell num_heads, image_size; put");
        try (LoadPlan plan = LoadPlan.of(ambiguous, LoadOptions.NONE.with("num_heads", "2").with("image_size", "8"))) {
            assertThat(plan.config()).isEqualTo(small().registers(2).positionedPrefix(0).qkvBias(false).layerScale(1).build());
        }
        assertRefused(copy("lucidrains_new.safetensors", name -> name, Map.of()), LoadOptions.NONE.with("num_heads", "2"),
                "do not tell image_size, patch_size, channels");
        try (LoadPlan plan = LoadPlan.of(copy("lucidrains_new.safetensors", name -> name, Map.of()),
                LoadOptions.NONE.with("num_heads", "2").with("channels", "3"))) {
            assertThat(plan.config().patchSize()).isEqualTo(4);
            assertThat(plan.config().headWidth()).isEqualTo(3);
            assertThat(plan.config().layerNormEpsilon()).isEqualTo(1e-5f);
        }
        assertThatThrownBy(() -> LoadOptions.NONE.with("heads", "2")).isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("unknown setting 'heads': use one of image_size");
    }

    @Test
    void takesAUsersRenames() throws Exception {
        Path strange = copy("timm_norm_pre.safetensors",
                name -> name.startsWith("blocks.") ? name.replace("blocks.", "enc").replace("norm1", "ln_a") : "m." + name,
                null);
        assertRefused(strange, LoadOptions.NONE, "its tensors are named in no known way");
        Path names = Files.writeString(folder.resolve("names.txt"), """
                // ours
                enc#.ln_a.*  blocks.#.norm1.*
                enc#.*       blocks.#.*
                m.*          *
                """);
        try (LoadedModel loaded = ModelFiles.load(strange, backend, LoadOptions.NONE.withNames(names))) {
            assertLogits(loaded, "input", "timm_norm_pre");
        }
        Files.writeString(names, "enc#.*  blocks.*\n");
        assertRefused(strange, LoadOptions.NONE.withNames(names), "line 1 is 'enc#.*  blocks.*'");
        Files.writeString(names, "enc0.*  x\n");
        assertRefused(strange, LoadOptions.NONE.withNames(names), "line 1 is");
        Files.writeString(names, "m.head.bias  same\nm.head.weight  same\n");
        assertRefused(strange, LoadOptions.NONE.withNames(names), "both become same");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "norm_first      | false | has the key norm_first (\"false\"), which speaks of something",
        "post_norm       | true  | has the key post_norm",
        "norm            | post  | has the key norm",
        "qk_norm         | true  | has the key qk_norm",
        "shared_qkv      | true  | has the key shared_qkv",
        "architecture    | ViT, post-norm | has the key architecture",
        "use_swiglu_ffn  | true  | has the key use_swiglu_ffn",
    })
    void refusesWhatItsConfigurationCannotDescribe(String key, String value, String problem) throws Exception {
        Path changed = copy("timm_norm_pre.safetensors", name -> name, Map.of(key, value));
        assertRefused(changed, LoadOptions.NONE, problem);
    }

    @Test
    void saysWhichUnsupportedModelItMayBe() throws Exception {
        assertRefused(copy("timm_norm_pre.safetensors", name -> name.replace("norm_pre", "blocks.0.attn.q_norm"), null),
                LoadOptions.NONE, "it normalises queries and keys");
        assertRefused(copy("hf_dinov2/model.safetensors", name -> name.replace("mlp.fc1", "mlp.weights_in"), null),
                LoadOptions.NONE, "its MLP is gated (SwiGLU)");
        assertRefused(copy("hf_vit/model.safetensors",
                name -> name.matches(".*\\.(key|value)\\..*") ? null : name, null), LoadOptions.NONE, "share one projection");
        assertRefused(copy("hf_vit/model.safetensors", name -> name.startsWith("vit.layernorm") ? null : name, null),
                LoadOptions.NONE, "it may be post-norm");
    }

    private void assertRefused(Path path, LoadOptions options, String problem) {
        assertThatThrownBy(() -> LoadPlan.of(path, options)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining(problem);
    }

    /**
     * A copy under other names (null leaves a tensor out), with {@code more} metadata: all of the file's and that, or
     * none if {@code more} is empty. A config.json beside the file comes along.
     */
    private Path copy(String name, UnaryOperator<String> rename, Map<String, String> more) throws Exception {
        Path original = golden(name);
        Path copy = Files.createTempDirectory(folder, "model").resolve("model.safetensors");
        try (Safetensors file = Safetensors.open(original)) {
            SafetensorsWriter writer = new SafetensorsWriter();
            if (more == null || !more.isEmpty()) {
                writer.metadata(file.metadata()).metadata(more == null ? Map.of() : more);
            }
            for (TensorFile.Entry entry : file.tensors().values()) {
                String renamed = rename.apply(entry.name());
                if (renamed != null) {
                    writer.add(renamed, entry.type(), entry.shape(), file.bytes(entry.name()));
                }
            }
            writer.write(copy);
        }
        Path config = original.resolveSibling("config.json");
        if (Files.exists(config)) {
            Files.copy(config, copy.resolveSibling("config.json"));
        }
        return copy;
    }

    static Path golden(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(SchemesTest.class.getResource("/schemes/" + name)).toURI());
    }
}
