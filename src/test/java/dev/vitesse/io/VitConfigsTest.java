// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Activation;
import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VitConfigsTest {
    private static final String GOLDEN = """
            {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 3, "hidden_dim": 48, "mlp_dim": 192,
             "num_classes": 7, "channels": 3, "layer_norm_eps": 1e-6, "gelu": "erf", "pool": "class_token"}""";
    private static final String HUGGING_FACE = """
            {"architectures": ["ViTForImageClassification"], "model_type": "vit", "hidden_act": "gelu",
             "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 192,
             "image_size": 32, "patch_size": 8, "num_channels": 3, "layer_norm_eps": 1e-12, "qkv_bias": true,
             "id2label": {"0": "cat", "1": "dog"}, "label2id": {"cat": 0, "dog": 1}}""";

    @TempDir
    Path folder;

    @Test
    void returnsEveryComponent() throws IOException {
        VitConfig odd = VitConfig.builder().imageSize(30).patchSize(5).channels(1).width(35).depth(3).heads(5)
                .headWidth(9).mlpWidth(61).classes(2).layerNormEpsilon(1e-12f).activation(Activation.RELU)
                .classToken(true).pooling(VitConfig.Pooling.MEAN).finalNorm(VitConfig.FinalNorm.AFTER_POOLING)
                .position(VitConfig.Position.SINUSOIDAL).patchNorm(true).qkvBias(false).layerScale(1e-5f)
                .headHidden(List.of(20, 10)).dropout(0.1f).dropPath(0.3f).build();
        ModelInfo info = new ModelInfo(List.of("a", "b\"\u00e9"),
                new Preprocessing(1, 30, 34, Filter.BICUBIC, List.of(0.1307f), List.of(0.3081f)));
        assertRoundTrip(odd, info);
        for (String preset : VitConfig.presets()) {
            assertRoundTrip(VitConfig.preset(preset), ModelInfo.NONE);
        }
        assertRoundTrip(odd.toBuilder().position(VitConfig.Position.LEARNED).distillationToken(true).registers(3)
                .positionedPrefix(2).pooling(VitConfig.Pooling.MEAN_OF_ALL).projectionNorms(true).dropout(0).build(), info);
        assertRoundTrip(VitConfig.mnist().toBuilder().distillationToken(true)
                .pooling(VitConfig.Pooling.CLASS_AND_DISTILLATION).build(), ModelInfo.NONE);
        assertRoundTrip(VitConfig.mnist().toBuilder().classes(0).build(), ModelInfo.NONE);
        assertRoundTrip(VitConfig.mnist().toBuilder().activation(Activation.GELU_TANH).meanPooling().build(),
                ModelInfo.NONE);
    }

    private void assertRoundTrip(VitConfig config, ModelInfo info) throws IOException {
        Path path = Files.writeString(folder.resolve("config.json"), VitConfigs.toJson(config, info));
        VitConfigs.Description read = VitConfigs.read(path);
        assertThat(read.config()).isEqualTo(config);
        assertThat(read.info()).isEqualTo(info);
        Map<String, String> texts = VitConfigs.toMetadata(config, info);
        assertThat(VitConfigs.describes(texts)).isTrue();
        VitConfigs.Description fromTexts = VitConfigs.fromMetadata(path, texts);
        assertThat(fromTexts.config()).isEqualTo(config);
        assertThat(fromTexts.info()).isEqualTo(info);
    }

    @Test
    void readsTheGoldenKeys() throws IOException {
        VitConfig config = read(GOLDEN).config();
        assertThat(config).isEqualTo(VitConfig.builder().imageSize(32).patchSize(8).width(48).depth(2).heads(3)
                .mlpWidth(192).classes(7).build());
    }

    @Test
    void readsHuggingFacesKeys() throws IOException {
        VitConfigs.Description description = read(HUGGING_FACE);
        assertThat(description.config()).isEqualTo(VitConfig.builder().imageSize(32).patchSize(8).width(48).depth(2)
                .heads(3).mlpWidth(192).classes(2).layerNormEpsilon(1e-12f).build());
        assertThat(description.info().labels()).containsExactly("cat", "dog");
        assertThat(read(HUGGING_FACE.replace("\"gelu\"", "\"gelu_new\"")).config().activation())
                .isEqualTo(Activation.GELU_TANH);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"num_heads\": 3,        |                       | the key num_heads is missing",
        "\"gelu\": \"erf\",       |                       | the key gelu is missing",
        "\"num_heads\": 3         | \"num_heads\": \"x\"  | the key num_heads is \"x\"; it must be an integer",
        "\"num_heads\": 3         | \"num_heads\": 2.5    | the key num_heads is 2.5; it must be an integer",
        "\"num_heads\": 3         | \"num_heads\": 0      | the key num_heads is 0; it must be positive",
        "\"num_heads\": 3         | \"num_heads\": 5      | head width is 0; it must be positive",
        "\"patch_size\": 8        | \"patch_size\": 7     | patch size is 7; it must be a divisor of the image size 32",
        "\"erf\"                  | \"quick\"             | the key gelu is \"quick\"; it must be one of erf, tanh",
        "\"erf\"                  | \"erf\", \"activation\": \"relu\" | activation (relu) and gelu (erf) contradict",
        "\"class_token\"          | \"class_token\", \"class_token\": false | pooling is CLASS_TOKEN",
        "\"num_layers\": 2        | \"num_layers\": 2, \"num_layers\": 2 | Duplicate field 'num_layers'",
        "\"num_layers\": 2        | \"num_layers\": 2, \"mean\": [0.5, 0.5, 0.5] | the key std is missing",
        "\"num_layers\": 2        | \"num_layers\": 2, \"mean\": [0.5, 0.5], \"std\": 1 | mean and std must have 3 entries",
        "\"num_layers\": 2        | \"num_layers\": 2, \"id2label\": {\"0\": \"a\"} | id2label names 1 classes, but there are 7",
        "\"num_layers\": 2        | \"num_layers\": 2, \"id2label\": {\"1\": \"a\"} | keys are 0, 1, 2",
        "\"num_layers\": 2        | \"num_layers\": 99999999999 | the key num_layers is 99999999999; it must be an integer",
        "}                        | } x                   | is not valid JSON",
        "{                        | [                     | is not valid JSON",
    })
    void namesWhatIsWrong(String part, String replacement, String problem) throws IOException {
        String text = GOLDEN.replace(part, replacement == null ? "" : replacement);
        assertThat(text).isNotEqualTo(GOLDEN);
        assertThatThrownBy(() -> read(text)).isInstanceOf(InvalidFileException.class).hasMessageContaining(problem);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"hidden_act\": \"gelu\",          |                                    | the key hidden_act is missing",
        "\"layer_norm_eps\": 1e-12,         |                                    | the key layer_norm_eps is missing",
        "\"hidden_act\": \"gelu\"           | \"hidden_act\": \"quick_gelu\"     | it must be one of gelu",
        "\"model_type\": \"vit\"            | \"model_type\": \"swin\"           | a model of type swin",
        "\"num_attention_heads\": 3         | \"num_attention_heads\": 7         | heads must divide the size",
        "\"image_size\": 32                 | \"image_size\": [32, 64]           | two equal ones",
        "\"num_channels\": 3                | \"num_labels\": 3                  | id2label (2 classes) and num_labels (3)",
    })
    void namesWhatIsWrongInHuggingFaces(String part, String replacement, String problem) {
        String text = HUGGING_FACE.replace(part, replacement == null ? "" : replacement);
        assertThat(text).isNotEqualTo(HUGGING_FACE);
        assertThatThrownBy(() -> read(text)).isInstanceOf(InvalidFileException.class).hasMessageContaining(problem);
    }

    private VitConfigs.Description read(String text) throws IOException {
        return VitConfigs.read(Files.writeString(folder.resolve("config.json"), text));
    }

    @Test
    void readsHuggingFacesPreprocessing() throws IOException {
        Path preprocessor = folder.resolve("preprocessor_config.json");
        String oldForm = """
                {"do_normalize": true, "do_resize": true, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.3, 0.4],
                 "resample": 2, "size": 32}""";
        Files.writeString(preprocessor, oldForm);
        assertThat(read(HUGGING_FACE).info().preprocessing()).isEqualTo(new Preprocessing(
                3, 32, 0, Filter.BILINEAR, List.of(0.5f, 0.5f, 0.5f), List.of(0.2f, 0.3f, 0.4f)));
        String newForm = """
                {"do_rescale": true, "rescale_factor": 0.00392156862745098, "do_normalize": false, "resample": 3,
                 "size": {"shortest_edge": 40}, "do_center_crop": true, "crop_size": {"height": 32, "width": 32}}""";
        Files.writeString(preprocessor, newForm);
        assertThat(read(HUGGING_FACE).info().preprocessing()).isEqualTo(new Preprocessing(
                3, 32, 40, Filter.BICUBIC, List.of(0f, 0f, 0f), List.of(1f, 1f, 1f)));
        // DeiT's processor squashes the whole image to size and cuts the centre out; others keep its proportions.
        String deit = """
                {"feature_extractor_type": "DeiTFeatureExtractor", "do_center_crop": true, "crop_size": 32, "size": 40,
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.3, 0.4], "resample": 3}""";
        Files.writeString(preprocessor, deit);
        assertThat(read(HUGGING_FACE).info().preprocessing()).isEqualTo(new Preprocessing(
                3, 32, 40, true, Filter.BICUBIC, List.of(0.5f, 0.5f, 0.5f), List.of(0.2f, 0.3f, 0.4f)));
        Files.writeString(preprocessor, deit.replace("DeiTFeatureExtractor", "BitImageProcessor"));
        assertThat(read(HUGGING_FACE).info().preprocessing()).isEqualTo(new Preprocessing(
                3, 32, 40, Filter.BICUBIC, List.of(0.5f, 0.5f, 0.5f), List.of(0.2f, 0.3f, 0.4f)));
        for (String[] change : new String[][] {
            {"\"size\": 32", "\"size\": 64", "the model takes 32"},
            {"\"size\": 32", "\"size\": {\"height\": 32, \"width\": 33}", "must be a square"},
            {"\"resample\": 2", "\"resample\": 0", "the key resample is 0"},
            {"\"resample\": 2", "\"rescale_factor\": 1", "does not divide bytes by 255"},
            {"\"image_mean\": [0.5, 0.5, 0.5],", "", "the key image_mean is missing"},
            {"0.2, 0.3, 0.4", "0.2, 0.3", "mean and std must have 3 entries"},
        }) {
            Files.writeString(preprocessor, oldForm.replace(change[0], change[1]));
            assertThatThrownBy(() -> read(HUGGING_FACE)).isInstanceOf(InvalidFileException.class)
                    .hasMessageStartingWith(preprocessor + ": ").hasMessageContaining(change[2]);
        }
    }

    @Test
    void dinov2TakesTheSizeThatItsImagesArePreparedTo() throws IOException {
        Files.writeString(folder.resolve("preprocessor_config.json"), """
                {"do_center_crop": true, "crop_size": {"height": 16, "width": 16}, "size": {"shortest_edge": 24},
                 "image_mean": [0.5, 0.5, 0.5], "image_std": [0.2, 0.3, 0.4], "resample": 3}""");
        VitConfigs.Description description = read(HUGGING_FACE.replace("ViTForImage", "Dinov2ForImage")
                .replace("\"vit\"", "\"dinov2\"").replace("\"intermediate_size\": 192", "\"mlp_ratio\": 4"));
        assertThat(description.config().imageSize()).isEqualTo(32);
        assertThat(description.inputSize()).isEqualTo(16);
        assertThat(description.config().pooling()).isEqualTo(VitConfig.Pooling.CLASS_AND_MEAN);
        assertThat(description.config().layerScale()).isEqualTo(1);
    }

    @Test
    void readsTimmsArchitectures() throws IOException {
        String text = """
                {"architecture": "vit_tiny_patch16_224", "num_classes": 1000, "num_features": 192,
                 "global_pool": "token", "pretrained_cfg": {"input_size": [3, 224, 224], "interpolation": "bicubic",
                 "crop_pct": 0.9, "crop_mode": "center", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}""";
        VitConfigs.Description description = read(text);
        assertThat(description.config()).isEqualTo(VitConfig.preset("ti/16"));
        assertThat(description.info().preprocessing()).isEqualTo(new Preprocessing(
                3, 224, 248, Filter.BICUBIC, List.of(0.5f, 0.5f, 0.5f), List.of(0.5f, 0.5f, 0.5f)));
        VitConfig mean = read(text.replace("\"token\"", "\"avg\"")).config();
        assertThat(mean.pooling()).isEqualTo(VitConfig.Pooling.MEAN);
        assertThat(mean.classToken()).isTrue();
        VitConfig deit = read(text.replace("vit_tiny", "deit_tiny_distilled")).config();
        assertThat(deit.distillationToken()).isTrue();
        assertThat(deit.pooling()).isEqualTo(VitConfig.Pooling.CLASS_AND_DISTILLATION);
        assertThatThrownBy(() -> read(text.replace("vit_tiny_patch16", "vit_base_patch16_rpn")))
                .isInstanceOf(InvalidFileException.class).hasMessageContaining("(post-norm)");
        assertThatThrownBy(() -> read(text.replace("_224", "_siglip_224"))).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("what its 'siglip' changes is not supported");
        assertThatThrownBy(() -> read(text.replace("{\"arch", "{\"model_args\": {\"qk_norm\": true}, \"arch")))
                .isInstanceOf(InvalidFileException.class).hasMessageContaining("has model_args.qk_norm");
        assertThatThrownBy(() -> read(text.replace("vit_tiny", "xcit_small"))).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("the key architecture is");
    }
}
