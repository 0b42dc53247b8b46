// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Activation;
import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import dev.vitesse.model.VitConfig.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Model configurations as files: {@code config.json}, or texts in a checkpoint's metadata.
 *
 * <p>Our own keys are {@code image_size, patch_size, channels, hidden_dim, num_layers, num_heads, mlp_dim, num_classes,
 * layer_norm_eps, gelu} (erf or tanh; or {@code activation}: gelu, gelu_tanh, relu, tanh) and {@code pool} (class_token
 * or mean), all required; {@code head_width, class_token, final_norm, position, patch_norm, qkv_bias, layer_scale,
 * head_hidden, dropout, drop_path}, a plain ViT's where absent; {@code id2label, mean, std, resize_shortest_side,
 * interpolation} for {@link ModelInfo}. A file with the key {@code hidden_size} is Hugging Face's, see {@link
 * HuggingFaceConfig}, one with {@code architecture} timm's, see {@link TimmConfig}. Other keys are not looked at:
 * whether the configuration fits is settled by the weights.
 */
public final class VitConfigs {
    private static final Map<String, Activation> GELUS = ordered("erf", Activation.GELU, "tanh", Activation.GELU_TANH);
    private static final Map<String, Activation> ACTIVATIONS = Map.of("gelu", Activation.GELU, "gelu_tanh",
            Activation.GELU_TANH, "relu", Activation.RELU, "tanh", Activation.TANH);
    private static final Map<String, Pooling> POOLINGS =
            ordered("class_token", Pooling.CLASS_TOKEN, "mean", Pooling.MEAN);
    private static final Map<String, FinalNorm> FINAL_NORMS =
            ordered("before_pooling", FinalNorm.BEFORE_POOLING, "after_pooling", FinalNorm.AFTER_POOLING);
    private static final Map<String, Position> POSITIONS =
            ordered("learned", Position.LEARNED, "sinusoidal", Position.SINUSOIDAL);
    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private VitConfigs() {}

    /**
     * What a file says about a model.
     *
     * @param source the file, for messages
     */
    public record Description(Path source, VitConfig config, ModelInfo info) {}

    /**
     * Reads a {@code config.json}: ours, timm's, or Hugging Face's with the {@code preprocessor_config.json} beside it.
     *
     * @throws InvalidFileException naming the key that is missing, wrong or in contradiction to another
     */
    public static Description read(Path path) throws IOException {
        Settings settings = Settings.read(path);
        if (settings.has("hidden_size")) {
            return withPreprocessor(HuggingFaceConfig.parse(settings), path.resolveSibling("preprocessor_config.json"));
        }
        return settings.has("architecture") ? TimmConfig.parse(settings) : parse(settings);
    }

    private static Description withPreprocessor(Description description, Path path) throws IOException {
        if (!Files.exists(path)) {
            return description;
        }
        Preprocessing preprocessing = HuggingFacePreprocessing.parse(Settings.read(path), description.config());
        return new Description(description.source(), description.config(),
                new ModelInfo(description.info().labels(), preprocessing));
    }

    /** Whether a checkpoint's metadata holds a configuration. */
    public static boolean describes(Map<String, String> metadata) {
        return metadata.containsKey("hidden_dim") || metadata.containsKey("image_size");
    }

    /**
     * Reads the configuration in the metadata of the checkpoint {@code path}.
     *
     * @throws InvalidFileException naming the key that is missing, wrong or in contradiction to another
     */
    public static Description fromMetadata(Path path, Map<String, String> metadata) throws InvalidFileException {
        return parse(Settings.of(path, metadata));
    }

    private static Description parse(Settings s) throws InvalidFileException {
        VitConfig.Builder builder = VitConfig.builder()
                .imageSize(s.integer("image_size"))
                .patchSize(s.integer("patch_size"))
                .channels(s.integer("channels"))
                .width(positive(s, "hidden_dim"))
                .depth(s.integer("num_layers"))
                .heads(positive(s, "num_heads"))
                .headWidth(s.has("head_width") ? positive(s, "head_width") : 0)
                .mlpWidth(positive(s, "mlp_dim"))
                .classes(s.integer("num_classes"))
                .layerNormEpsilon(s.number("layer_norm_eps"))
                .activation(activation(s))
                .pooling(s.choice("pool", POOLINGS))
                .classToken(s.flag("class_token", s.choice("pool", POOLINGS) == Pooling.CLASS_TOKEN))
                .finalNorm(s.choice("final_norm", FINAL_NORMS, s.choice("pool", POOLINGS) == Pooling.CLASS_TOKEN
                        ? FinalNorm.BEFORE_POOLING : FinalNorm.AFTER_POOLING))
                .position(s.choice("position", POSITIONS, Position.LEARNED))
                .patchNorm(s.flag("patch_norm", false))
                .qkvBias(s.flag("qkv_bias", true))
                .layerScale(s.number("layer_scale", 0))
                .headHidden(s.integers("head_hidden"))
                .dropout(s.number("dropout", 0))
                .dropPath(s.number("drop_path", 0));
        VitConfig config = build(s, builder);
        return new Description(s.path(), config, new ModelInfo(labels(s, config), preprocessing(s, config)));
    }

    private static int positive(Settings s, String key) throws InvalidFileException {
        int value = s.integer(key);
        if (value <= 0) {
            throw s.wrong(key, "positive");
        }
        return value;
    }

    private static Activation activation(Settings s) throws InvalidFileException {
        if (!s.has("activation")) {
            return s.choice("gelu", GELUS);
        }
        Activation activation = s.choice("activation", ACTIVATIONS);
        if (s.has("gelu") && s.choice("gelu", GELUS) != activation) {
            throw s.contradiction("the keys activation (" + s.text("activation") + ") and gelu (" + s.text("gelu")
                    + ") contradict each other");
        }
        return activation;
    }

    /** Builds, with a problem reported as the file's. */
    static VitConfig build(Settings s, VitConfig.Builder builder) throws InvalidFileException {
        try {
            return builder.build();
        } catch (IllegalArgumentException | ArithmeticException e) {
            throw new InvalidFileException(
                    s.path(), "describes no Vision Transformer: " + e.getMessage(), "correct it");
        }
    }

    static List<String> labels(Settings s, VitConfig config) throws InvalidFileException {
        List<String> labels = s.textsByIndex("id2label");
        if (!labels.isEmpty() && labels.size() != config.classes()) {
            throw s.contradiction("id2label names " + labels.size() + " classes, but there are " + config.classes());
        }
        return labels;
    }

    private static @Nullable Preprocessing preprocessing(Settings s, VitConfig config) throws InvalidFileException {
        if (!s.has("mean") && !s.has("std")) {
            return null;
        }
        for (String key : List.of("mean", "std")) {
            if (!s.has(key)) {
                throw s.missing(key);
            }
        }
        Map<String, Filter> filters = new LinkedHashMap<>();
        for (Filter filter : Filter.values()) {
            filters.put(filter.key(), filter);
        }
        try {
            return new Preprocessing(config.channels(), config.imageSize(), s.integer("resize_shortest_side", 0),
                    s.choice("interpolation", filters, Filter.BILINEAR), perChannel(s.numbers("mean"), config),
                    perChannel(s.numbers("std"), config));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(s.path(), e.getMessage(), "correct it");
        }
    }

    static List<Float> perChannel(List<Float> values, VitConfig config) {
        return values.size() == 1 ? Collections.nCopies(config.channels(), values.getFirst()) : values;
    }

    /** The text of a {@code config.json} with our keys. */
    public static String toJson(VitConfig config, ModelInfo info) {
        try {
            return JSON.writeValueAsString(tree(config, info)) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The same as texts for a checkpoint's metadata. */
    public static Map<String, String> toMetadata(VitConfig config, ModelInfo info) {
        Map<String, String> texts = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : tree(config, info).properties()) {
            JsonNode value = entry.getValue();
            texts.put(entry.getKey(), value.isTextual() ? value.textValue() : value.toString());
        }
        return texts;
    }

    private static ObjectNode tree(VitConfig c, ModelInfo info) {
        ObjectNode tree = JSON.createObjectNode();
        tree.put("image_size", c.imageSize()).put("patch_size", c.patchSize()).put("channels", c.channels())
                .put("hidden_dim", c.width()).put("num_layers", c.depth()).put("num_heads", c.heads())
                .put("head_width", c.headWidth()).put("mlp_dim", c.mlpWidth()).put("num_classes", c.classes())
                .put("layer_norm_eps", c.layerNormEpsilon()).put("activation", keyOf(ACTIVATIONS, c.activation()));
        if (GELUS.containsValue(c.activation())) {
            tree.put("gelu", keyOf(GELUS, c.activation()));
        }
        tree.put("pool", keyOf(POOLINGS, c.pooling())).put("class_token", c.classToken())
                .put("final_norm", keyOf(FINAL_NORMS, c.finalNorm())).put("position", keyOf(POSITIONS, c.position()))
                .put("patch_norm", c.patchNorm()).put("qkv_bias", c.qkvBias()).put("layer_scale", c.layerScale());
        ArrayNode hidden = tree.putArray("head_hidden");
        c.headHidden().forEach(hidden::add);
        tree.put("dropout", c.dropout()).put("drop_path", c.dropPath());
        if (info.preprocessing() != null) {
            describe(tree, info.preprocessing());
        }
        if (!info.labels().isEmpty()) {
            ObjectNode labels = tree.putObject("id2label");
            for (int i = 0; i < info.labels().size(); i++) {
                labels.put(Integer.toString(i), info.labels().get(i));
            }
        }
        return tree;
    }

    private static void describe(ObjectNode tree, Preprocessing preprocessing) {
        ArrayNode mean = tree.putArray("mean");
        preprocessing.mean().forEach(mean::add);
        ArrayNode std = tree.putArray("std");
        preprocessing.std().forEach(std::add);
        tree.put("resize_shortest_side", preprocessing.shortestSide())
                .put("interpolation", preprocessing.filter().key());
    }

    private static <T> String keyOf(Map<String, T> choices, T value) {
        return choices.entrySet().stream().filter(entry -> entry.getValue() == value).findFirst().orElseThrow()
                .getKey();
    }

    private static <T> Map<String, T> ordered(String firstKey, T first, String secondKey, T second) {
        Map<String, T> map = new LinkedHashMap<>();
        map.put(firstKey, first);
        map.put(secondKey, second);
        return map;
    }
}
