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
import dev.vitesse.model.VitConfigBuilder;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import dev.vitesse.model.VitConfig.Position;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Model configurations as files: {@code config.json}, or texts in a checkpoint's metadata.
 *
 * <p>Our own keys are {@code image_size, patch_size, channels, hidden_dim, num_layers, num_heads, mlp_dim, num_classes,
 * layer_norm_eps, gelu} (erf or tanh; or {@code activation}: gelu, gelu_tanh, relu, tanh) and {@code pool} (class_token,
 * mean, mean_of_all, class_and_mean, class_and_distillation), all required; {@code head_width, class_token,
 * distillation_token, registers, positioned_prefix, final_norm, position, patch_norm, projection_norms, qkv_bias,
 * layer_scale, head_hidden, dropout, drop_path}, a plain ViT's where absent; {@code id2label, mean, std,
 * resize_shortest_side, resize_squash, interpolation, input_size} for {@link ModelInfo}. A file with the key {@code hidden_size} is
 * Hugging Face's, see {@link HuggingFaceConfig}, one with {@code architecture} timm's, see {@link TimmConfig}. A key that
 * is not known and whose name says that it changes the function is refused; others are not looked at.
 */
public final class VitConfigs {
    /** Our own keys. */
    public static final List<String> KEYS = List.of("image_size", "patch_size", "channels", "hidden_dim", "num_layers",
            "num_heads", "mlp_dim", "num_classes", "layer_norm_eps", "gelu", "activation", "pool", "head_width",
            "class_token", "distillation_token", "registers", "positioned_prefix", "final_norm", "position", "patch_norm",
            "projection_norms", "qkv_bias", "layer_scale", "head_hidden", "dropout", "drop_path", "id2label", "mean",
            "std", "resize_shortest_side", "resize_squash", "interpolation", "input_size");

    /** What a key that changes a Vision Transformer's function is likely to have in its name. */
    private static final List<String> SUSPICIOUS = List.of("norm", "qk", "share", "tied", "kv_heads", "key_value", "rope",
            "rotary", "glu", "gate", "relative", "rel_pos", "causal", "parallel", "residual", "alibi", "decoder", "window",
            "attn_pool", "attn_scale", "logit_scale", "softmax", "stem", "quant");

    private static final Map<String, Activation> GELUS = ordered("erf", Activation.GELU, "tanh", Activation.GELU_TANH);
    private static final Map<String, Activation> ACTIVATIONS = ordered("gelu", Activation.GELU, "gelu_tanh",
            Activation.GELU_TANH, "relu", Activation.RELU, "tanh", Activation.TANH);
    private static final Map<String, Pooling> POOLINGS = ordered("class_token", Pooling.CLASS_TOKEN, "mean",
            Pooling.MEAN, "mean_of_all", Pooling.MEAN_OF_ALL, "class_and_mean", Pooling.CLASS_AND_MEAN,
            "class_and_distillation", Pooling.CLASS_AND_DISTILLATION);
    private static final Map<String, FinalNorm> FINAL_NORMS =
            ordered("before_pooling", FinalNorm.BEFORE_POOLING, "after_pooling", FinalNorm.AFTER_POOLING);
    private static final Map<String, Position> POSITIONS =
            ordered("learned", Position.LEARNED, "sinusoidal", Position.SINUSOIDAL);

    /** Made only where a configuration is written; see {@link Json}. */
    private static final class Writer {
        static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
    }

    private VitConfigs() {}

    /**
     * What a file says about a model.
     *
     * @param source the file, for messages
     * @param config of the model as its weights are
     * @param inputSize side of the images that go in; another than the configuration's where positions are resampled
     * @param origins by our keys, where each value came from
     */
    public record Description(
            Path source, VitConfig config, ModelInfo info, int inputSize, Map<String, String> origins) {}

    /**
     * Reads a {@code config.json}: ours, timm's, or Hugging Face's with the {@code preprocessor_config.json} beside it.
     *
     * @throws InvalidFileException naming the key that is missing, wrong or in contradiction to another
     */
    public static Description read(Path path) throws IOException {
        return describe(draft(path));
    }

    /** The values in a {@code config.json}, under our keys. */
    static ConfigDraft draft(Path path) throws IOException {
        Settings settings = Settings.read(path);
        if (settings.has("hidden_size")) {
            ConfigDraft draft = HuggingFaceConfig.parse(settings);
            // DINOv2 takes images of any size: its own files were trained with 518 and prepare images of 224.
            boolean anySize = settings.has("model_type") && settings.text("model_type").startsWith("dinov2");
            addPreprocessor(draft, path.resolveSibling("preprocessor_config.json"), anySize);
            return draft;
        }
        return settings.has("architecture") ? TimmConfig.parse(settings) : own(settings, path.getFileName().toString());
    }

    private static void addPreprocessor(ConfigDraft draft, Path path, boolean anySize) throws IOException {
        if (Files.exists(path)) {
            Settings values = draft.settings();
            draft.put(HuggingFacePreprocessing.parse(Settings.read(path), values.integer("channels"),
                    values.integer("image_size"), anySize), path.getFileName().toString());
        }
    }

    /** The values in the metadata of the checkpoint {@code path}. */
    static ConfigDraft draft(Path path, Map<String, String> metadata) throws InvalidFileException {
        return own(Settings.of(path, metadata), "metadata");
    }

    private static ConfigDraft own(Settings settings, String origin) throws InvalidFileException {
        refuseUnknown(settings, Set.copyOf(KEYS));
        ConfigDraft draft = new ConfigDraft(settings.path());
        for (String key : KEYS) {
            if (settings.has(key)) {
                draft.put(key, settings.node(key), origin);
            }
        }
        return draft;
    }

    /**
     * Refuses keys outside {@code known} that speak of the model's function, unless their value says that nothing is
     * changed.
     */
    static void refuseUnknown(Settings settings, Set<String> known) throws InvalidFileException {
        for (String key : settings.keys()) {
            JsonNode node = settings.node(key);
            String value = node.isNull() ? "null" : node.asText();
            if (!known.contains(key) && (isSuspicious(key) && !isHarmless(key, value) || saysPostNorm(value))) {
                throw new InvalidFileException(settings.path(), "has the key " + key + " (" + settings.abbreviated(key)
                        + "), which speaks of something that this library does not do",
                        "supported are plain pre-norm Vision Transformers; remove the key if it means nothing");
            }
        }
    }

    private static boolean isSuspicious(String key) {
        for (String word : SUSPICIOUS) {
            if (key.contains(word)) {
                return true;
            }
        }
        return false;
    }

    /** @param value as a text, empty for an array or an object */
    private static boolean isHarmless(String key, String value) {
        return key.matches("norm_first|pre_?norm") ? value.matches("(?i)true|1")
                : value.matches("|null|false|False|none|None|0|\\[]|\\{}")
                || key.matches("norm|norm_layer|norm_type|norm_position|norm_style")
                        && value.matches("(?i)pre|pre_?norm|first|layer_?norm");
    }

    private static boolean saysPostNorm(String value) {
        // To compile the expression takes longer than to read all the rest of most files.
        return value.toLowerCase(Locale.ROOT).contains("post")
                && Pattern.compile("(?i)post[-_ ]?(ln|norm|layer_?norm)").matcher(value).find();
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
        return describe(draft(path, metadata));
    }

    /**
     * The finished configuration.
     *
     * @throws InvalidFileException naming the key that is missing, wrong or in contradiction to another
     */
    static Description describe(ConfigDraft draft) throws InvalidFileException {
        Settings s = draft.settings();
        VitConfig config = parse(s);
        int inputSize = s.integer("input_size", config.imageSize());
        ModelInfo info = new ModelInfo(labels(s, config), preprocessing(s, config, inputSize));
        return new Description(draft.source(), config, info, inputSize, draft.origins());
    }

    private static VitConfig parse(Settings s) throws InvalidFileException {
        VitConfigBuilder builder = VitConfig.builder()
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
                .classToken(s.flag("class_token", s.choice("pool", POOLINGS) != Pooling.MEAN))
                .distillationToken(s.flag("distillation_token",
                        s.choice("pool", POOLINGS) == Pooling.CLASS_AND_DISTILLATION))
                .registers(s.integer("registers", 0))
                .finalNorm(s.choice("final_norm", FINAL_NORMS, s.choice("pool", POOLINGS) == Pooling.MEAN
                        ? FinalNorm.AFTER_POOLING : FinalNorm.BEFORE_POOLING))
                .position(s.choice("position", POSITIONS, Position.LEARNED))
                .patchNorm(s.flag("patch_norm", false))
                .projectionNorms(s.flag("projection_norms", false))
                .qkvBias(s.flag("qkv_bias", true))
                .layerScale(s.number("layer_scale", 0))
                .headHidden(s.integers("head_hidden"))
                .dropout(s.number("dropout", 0))
                .dropPath(s.number("drop_path", 0));
        if (s.has("positioned_prefix")) {
            builder.positionedPrefix(s.integer("positioned_prefix"));
        }
        return build(s, builder);
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
    static VitConfig build(Settings s, VitConfigBuilder builder) throws InvalidFileException {
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

    private static @Nullable Preprocessing preprocessing(Settings s, VitConfig config, int inputSize)
            throws InvalidFileException {
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
            return new Preprocessing(config.channels(), inputSize, s.integer("resize_shortest_side", 0),
                    s.flag("resize_squash", false), s.choice("interpolation", filters, Filter.BILINEAR),
                    perChannel(s.numbers("mean"), config.channels()), perChannel(s.numbers("std"), config.channels()));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(s.path(), e.getMessage(), "correct it");
        }
    }

    static List<Float> perChannel(List<Float> values, int channels) {
        return values.size() == 1 ? Collections.nCopies(channels, values.getFirst()) : values;
    }

    /** Our name of an activation. */
    static String key(Activation activation) {
        return keyOf(ACTIVATIONS, activation);
    }

    /** Labels as {@code id2label} holds them. */
    static Map<String, String> byIndex(List<String> labels) {
        Map<String, String> map = new LinkedHashMap<>();
        for (int i = 0; i < labels.size(); i++) {
            map.put(Integer.toString(i), labels.get(i));
        }
        return map;
    }

    /** The text of a {@code config.json} with our keys. */
    public static String toJson(VitConfig config, ModelInfo info) {
        try {
            return Writer.JSON.writeValueAsString(tree(config, info)) + "\n";
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
        ObjectNode tree = Json.object();
        tree.put("image_size", c.imageSize()).put("patch_size", c.patchSize()).put("channels", c.channels())
                .put("hidden_dim", c.width()).put("num_layers", c.depth()).put("num_heads", c.heads())
                .put("head_width", c.headWidth()).put("mlp_dim", c.mlpWidth()).put("num_classes", c.classes())
                .put("layer_norm_eps", c.layerNormEpsilon()).put("activation", keyOf(ACTIVATIONS, c.activation()));
        if (GELUS.containsValue(c.activation())) {
            tree.put("gelu", keyOf(GELUS, c.activation()));
        }
        tree.put("pool", keyOf(POOLINGS, c.pooling())).put("class_token", c.classToken())
                .put("distillation_token", c.distillationToken()).put("registers", c.registers())
                .put("positioned_prefix", c.positionedPrefix())
                .put("final_norm", keyOf(FINAL_NORMS, c.finalNorm())).put("position", keyOf(POSITIONS, c.position()))
                .put("patch_norm", c.patchNorm()).put("projection_norms", c.projectionNorms())
                .put("qkv_bias", c.qkvBias()).put("layer_scale", c.layerScale());
        ArrayNode hidden = tree.putArray("head_hidden");
        c.headHidden().forEach(hidden::add);
        tree.put("dropout", c.dropout()).put("drop_path", c.dropPath());
        if (info.preprocessing() != null) {
            describe(tree, info.preprocessing());
        }
        if (!info.labels().isEmpty()) {
            tree.set("id2label", Json.of(byIndex(info.labels())));
        }
        return tree;
    }

    private static void describe(ObjectNode tree, Preprocessing preprocessing) {
        ArrayNode mean = tree.putArray("mean");
        preprocessing.mean().forEach(mean::add);
        ArrayNode std = tree.putArray("std");
        preprocessing.std().forEach(std::add);
        tree.put("resize_shortest_side", preprocessing.shortestSide()).put("resize_squash", preprocessing.squash())
                .put("interpolation", preprocessing.filter().key());
    }

    private static <T> String keyOf(Map<String, T> choices, T value) {
        return choices.entrySet().stream().filter(entry -> entry.getValue() == value).findFirst().orElseThrow()
                .getKey();
    }

    /** A map with its entries in the order given: key, value, key, value... */
    @SuppressWarnings("unchecked")
    private static <T> Map<String, T> ordered(Object... entries) {
        Map<String, T> map = new LinkedHashMap<>();
        for (int i = 0; i < entries.length; i += 2) {
            map.put((String) entries[i], (T) entries[i + 1]);
        }
        return map;
    }
}
