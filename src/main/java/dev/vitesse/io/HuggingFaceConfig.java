// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Activation;
import dev.vitesse.model.VitConfig;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Hugging Face's {@code config.json} of a ViT. Keys that its library leaves out when they have their default (classes,
 * channels, bias) may be absent; those on which silently wrong answers hang ({@code hidden_act, layer_norm_eps}) may
 * not.
 */
final class HuggingFaceConfig {
    /** Transformers' names of the activations (its ACT2FN), as far as this library has them. */
    private static final Map<String, Activation> ACTIVATIONS = activations();

    /** PretrainedConfig's default, which is not written. */
    private static final int DEFAULT_CLASSES = 2;

    private HuggingFaceConfig() {}

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

    static VitConfigs.Description parse(Settings s) throws InvalidFileException {
        requireVit(s);
        int width = s.integer("hidden_size");
        int heads = s.integer("num_attention_heads");
        if (width <= 0 || heads <= 0 || width % heads != 0) {
            throw s.contradiction("the keys hidden_size (" + width + ") and num_attention_heads (" + heads
                    + ") contradict each other: heads must divide the size");
        }
        VitConfig config = VitConfigs.build(s, VitConfig.builder()
                .imageSize(side(s, "image_size"))
                .patchSize(side(s, "patch_size"))
                .channels(s.integer("num_channels", 3))
                .width(width)
                .depth(s.integer("num_hidden_layers"))
                .heads(heads)
                .mlpWidth(s.integer("intermediate_size"))
                .classes(classes(s))
                .layerNormEpsilon(s.number("layer_norm_eps"))
                .activation(s.choice("hidden_act", ACTIVATIONS))
                .qkvBias(s.flag("qkv_bias", true))
                .dropout(s.number("hidden_dropout_prob", 0)));
        return new VitConfigs.Description(s.path(), config, new ModelInfo(VitConfigs.labels(s, config), null));
    }

    private static void requireVit(Settings s) throws InvalidFileException {
        if (s.has("model_type") && !s.text("model_type").equals("vit")) {
            throw new InvalidFileException(s.path(), "describes a model of type " + s.text("model_type"),
                    "only vit is supported");
        }
    }

    /** A side in pixels, given as one number or as two equal ones. */
    private static int side(Settings s, String key) throws InvalidFileException {
        if (!s.has(key)) {
            throw s.missing(key);
        }
        List<Integer> sides = s.integers(key);
        if (sides.isEmpty() || sides.size() > 2 || !sides.getFirst().equals(sides.getLast())) {
            throw s.wrong(key, "one number, or two equal ones");
        }
        return sides.getFirst();
    }

    private static int classes(Settings s) throws InvalidFileException {
        int labels = s.textsByIndex("id2label").size();
        if (labels > 0 && s.has("num_labels") && s.integer("num_labels") != labels) {
            throw s.contradiction("the keys id2label (" + labels + " classes) and num_labels ("
                    + s.integer("num_labels") + ") contradict each other");
        }
        return labels > 0 ? labels : s.integer("num_labels", DEFAULT_CLASSES);
    }
}
