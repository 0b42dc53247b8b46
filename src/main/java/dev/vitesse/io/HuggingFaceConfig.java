// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Activation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Hugging Face's {@code config.json} of a ViT, DeiT or DINOv2. Keys that its library leaves out when they have their
 * default (classes, channels, bias) may be absent; those on which silently wrong answers hang ({@code hidden_act,
 * layer_norm_eps}) may not.
 */
final class HuggingFaceConfig {
    /** Transformers' names of the activations (its ACT2FN), as far as this library has them. */
    private static final Map<String, Activation> ACTIVATIONS = activations();

    /** PretrainedConfig's default, which is not written. */
    private static final int DEFAULT_CLASSES = 2;

    /** Keys whose names sound as if they changed the function, and do not, or are looked at. */
    private static final Set<String> KNOWN = Set.of("layer_norm_eps", "apply_layernorm", "use_swiglu_ffn", "qkv_bias",
            "decoder_start_token_id", "use_mean_pooling");

    private final Settings s;
    private final ConfigDraft draft;

    private HuggingFaceConfig(Settings settings) {
        s = settings;
        draft = new ConfigDraft(settings.path());
    }

    private static Map<String, Activation> activations() {
        Map<String, Activation> map = new LinkedHashMap<>();
        map.put("gelu", Activation.GELU);
        map.put("gelu_python", Activation.GELU);
        map.put("gelu_new", Activation.GELU_TANH);
        map.put("gelu_fast", Activation.GELU_TANH);
        map.put("gelu_pytorch_tanh", Activation.GELU_TANH);
        map.put("relu", Activation.RELU);
        map.put("tanh", Activation.TANH);
        return map;
    }

    static ConfigDraft parse(Settings settings) throws InvalidFileException {
        HuggingFaceConfig config = new HuggingFaceConfig(settings);
        String type = settings.has("model_type") ? settings.text("model_type") : "vit";
        if (!List.of("vit", "deit", "dinov2", "dinov2_with_registers").contains(type)) {
            throw new InvalidFileException(settings.path(), "describes a model of type " + type,
                    "supported are vit, deit, dinov2 and dinov2_with_registers");
        }
        VitConfigs.refuseUnknown(settings, KNOWN);
        config.addSizes();
        config.addHead(type);
        config.addBlocks(type);
        return config.draft;
    }

    private void put(String key, Object value, String theirs) {
        draft.put(key, value, s.path().getFileName() + ": " + theirs);
    }

    private void addSizes() throws InvalidFileException {
        int width = s.integer("hidden_size");
        int heads = s.integer("num_attention_heads");
        if (width <= 0 || heads <= 0 || width % heads != 0) {
            throw s.contradiction("the keys hidden_size (" + width + ") and num_attention_heads (" + heads
                    + ") contradict each other: heads must divide the size");
        }
        put("image_size", side("image_size"), "image_size");
        put("patch_size", side("patch_size"), "patch_size");
        put("channels", s.integer("num_channels", 3), "num_channels");
        put("hidden_dim", width, "hidden_size");
        put("num_layers", s.integer("num_hidden_layers"), "num_hidden_layers");
        put("num_heads", heads, "num_attention_heads");
        put("head_width", width / heads, "hidden_size / num_attention_heads");
        put("layer_norm_eps", s.number("layer_norm_eps"), "layer_norm_eps");
        put("activation", VitConfigs.key(s.choice("hidden_act", ACTIVATIONS)), "hidden_act");
        put("qkv_bias", s.flag("qkv_bias", true), "qkv_bias");
        put("dropout", s.number("hidden_dropout_prob", 0), "hidden_dropout_prob");
    }

    private void addBlocks(String type) throws InvalidFileException {
        boolean dino = type.startsWith("dinov2");
        put("class_token", true, "model_type");
        put("distillation_token", type.equals("deit"), "model_type");
        put("final_norm", "before_pooling", "model_type");
        put("patch_norm", false, "model_type");
        put("projection_norms", false, "model_type");
        int registers = type.equals("dinov2_with_registers") ? s.integer("num_register_tokens", 4) : 0;
        put("registers", registers, "num_register_tokens");
        if (registers > 0) {
            put("positioned_prefix", 1, "model_type");
        }
        if (!dino) {
            put("mlp_dim", s.integer("intermediate_size"), "intermediate_size");
            put("layer_scale", 0, "model_type");
            return;
        }
        if (s.flag("use_swiglu_ffn", false)) {
            throw new InvalidFileException(s.path(), "has use_swiglu_ffn: its MLP is gated (SwiGLU)",
                    "that is not supported; use a smaller model of the family");
        }
        put("mlp_dim", (int) (s.integer("hidden_size") * s.number("mlp_ratio", 4)), "mlp_ratio");
        put("layer_scale", Math.max(Float.MIN_NORMAL, s.number("layerscale_value", 1)), "layerscale_value");
        put("drop_path", s.number("drop_path_rate", 0), "drop_path_rate");
    }

    /** A model without a classifier is one whose class says so; where none is named, the tensors settle it. */
    private void addHead(String type) throws InvalidFileException {
        List<String> architectures = s.has("architectures") ? s.textList("architectures") : List.of();
        boolean teacher = architectures.stream().anyMatch(a -> a.endsWith("ForImageClassificationWithTeacher"));
        boolean classifier = teacher || architectures.stream().anyMatch(a -> a.endsWith("ForImageClassification"));
        if (!classifier && !architectures.isEmpty()) {
            put("num_classes", 0, "architectures");
            put("pool", "class_token", "architectures");
            return;
        }
        List<String> labels = s.textsByIndex("id2label");
        put("num_classes", classes(labels.size()), labels.isEmpty() ? "num_labels" : "id2label");
        if (architectures.isEmpty()) {
            draft.markHeadUncertain();
        }
        if (!labels.isEmpty()) {
            put("id2label", VitConfigs.byIndex(labels), "id2label");
        }
        if (teacher) {
            put("pool", "class_and_distillation", "architectures");
        } else if (!type.equals("deit") || classifier) {
            put("pool", type.startsWith("dinov2") ? "class_and_mean" : "class_token", "model_type");
        }
    }

    /** A side in pixels, given as one number or as two equal ones. */
    private int side(String key) throws InvalidFileException {
        if (!s.has(key)) {
            throw s.missing(key);
        }
        List<Integer> sides = s.integers(key);
        if (sides.isEmpty() || sides.size() > 2 || !sides.getFirst().equals(sides.getLast())) {
            throw s.wrong(key, "one number, or two equal ones");
        }
        return sides.getFirst();
    }

    private int classes(int labels) throws InvalidFileException {
        if (labels > 0 && s.has("num_labels") && s.integer("num_labels") != labels) {
            throw s.contradiction("the keys id2label (" + labels + " classes) and num_labels ("
                    + s.integer("num_labels") + ") contradict each other");
        }
        return labels > 0 ? labels : s.integer("num_labels", DEFAULT_CLASSES);
    }
}
