// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import java.util.List;
import java.util.Locale;

/** The configuration files of other libraries, for {@link ModelExport}. */
final class ExportConfigs {
    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    private ExportConfigs() {}

    /** timm's: an architecture of the family, and arguments that make it this one. */
    static String timm(VitConfig c, ModelInfo info) {
        ObjectNode tree = JSON.createObjectNode();
        tree.put("architecture", c.distillationToken() ? "deit_base_distilled_patch16_224" : "vit_base_patch16_224")
                .put("num_classes", c.classes()).put("num_features", c.width())
                .put("global_pool", c.pooling() == Pooling.MEAN ? "avg" : "token");
        ObjectNode arguments = tree.putObject("model_args");
        arguments.put("img_size", c.imageSize()).put("patch_size", c.patchSize()).put("in_chans", c.channels())
                .put("embed_dim", c.width()).put("depth", c.depth()).put("num_heads", c.heads())
                .put("mlp_ratio", ratio(c.mlpWidth(), c.width())).put("qkv_bias", c.qkvBias())
                .put("act_layer", VitConfigs.key(c.activation()));
        if (c.layerScale() > 0) {
            arguments.put("init_values", c.layerScale());
        }
        if (!c.distillationToken()) {
            arguments.put("class_token", c.classToken()).put("reg_tokens", c.registers())
                    .put("no_embed_class", c.prefixTokens() > 0 && c.positionedPrefix() == 0)
                    .put("fc_norm", c.finalNorm() == FinalNorm.AFTER_POOLING);
        }
        ObjectNode pretrained = tree.putObject("pretrained_cfg");
        pretrained.set("input_size", JSON.valueToTree(List.of(c.channels(), c.imageSize(), c.imageSize())));
        pretrained.put("num_classes", c.classes());
        Preprocessing p = info.preprocessing();
        if (p != null) {
            pretrained.set("mean", JSON.valueToTree(p.mean()));
            pretrained.set("std", JSON.valueToTree(p.std()));
            boolean whole = p.shortestSide() == 0;
            pretrained.put("interpolation", p.filter().key())
                    .put("crop_mode", whole || p.squash() ? "squash" : "center")
                    .put("crop_pct", whole ? 1 : cropShare(p.size(), p.shortestSide()));
        }
        if (!info.labels().isEmpty()) {
            tree.set("label_names", JSON.valueToTree(info.labels()));
        }
        return text(tree);
    }

    /** The share by which {@code size} is divided to give {@code shortest} when the quotient is rounded down. */
    private static double cropShare(int size, int shortest) {
        double share = (double) size / shortest;
        while ((int) (size / share) < shortest) {
            share = Math.nextDown(share);
        }
        return share;
    }

    /** The factor with which {@code width} gives {@code result} when the product is cut off to an integer. */
    private static double ratio(int result, int width) {
        double ratio = (double) result / width;
        while ((int) (width * ratio) < result) {
            ratio = Math.nextUp(ratio);
        }
        return ratio;
    }

    /** Transformers' config.json of a ViT, DeiT or DINOv2. */
    static String huggingFace(VitConfig c, ModelInfo info) {
        boolean dino = c.layerScale() > 0;
        String type = dino ? c.registers() > 0 ? "dinov2_with_registers" : "dinov2"
                : c.distillationToken() ? "deit" : "vit";
        String stem = switch (type) {
            case "dinov2_with_registers" -> "Dinov2WithRegisters";
            case "dinov2" -> "Dinov2";
            case "deit" -> "DeiT";
            default -> "ViT";
        };
        String head = c.classes() == 0 ? "Model" : c.pooling() == Pooling.CLASS_AND_DISTILLATION
                ? "ForImageClassificationWithTeacher" : "ForImageClassification";
        ObjectNode tree = JSON.createObjectNode();
        tree.set("architectures", JSON.valueToTree(List.of(stem + head)));
        tree.put("model_type", type).put("hidden_size", c.width()).put("num_hidden_layers", c.depth())
                .put("num_attention_heads", c.heads()).put("image_size", c.imageSize())
                .put("patch_size", c.patchSize()).put("num_channels", c.channels())
                .put("layer_norm_eps", c.layerNormEpsilon()).put("hidden_act", activation(c))
                .put("qkv_bias", c.qkvBias()).put("hidden_dropout_prob", c.dropout())
                .put("attention_probs_dropout_prob", 0.0);
        if (dino) {
            tree.put("mlp_ratio", c.mlpWidth() / c.width()).put("layerscale_value", c.layerScale())
                    .put("use_swiglu_ffn", false).put("use_mask_token", false).put("drop_path_rate", c.dropPath());
            if (c.registers() > 0) {
                tree.put("num_register_tokens", c.registers());
            }
        } else {
            tree.put("intermediate_size", c.mlpWidth());
        }
        if (c.classes() == 0 && !c.headHidden().isEmpty()) {
            tree.put("pooler_output_size", c.headHidden().getFirst()).put("pooler_act", "tanh");
        }
        if (c.classes() > 0) {
            addLabels(tree, c, info);
        }
        return text(tree);
    }

    private static void addLabels(ObjectNode tree, VitConfig c, ModelInfo info) {
        ObjectNode byIndex = tree.putObject("id2label");
        ObjectNode byLabel = tree.putObject("label2id");
        for (int i = 0; i < c.classes(); i++) {
            String label = info.labels().isEmpty() ? "LABEL_" + i : info.labels().get(i);
            byIndex.put(Integer.toString(i), label);
            byLabel.put(label, i);
        }
    }

    private static String activation(VitConfig c) {
        return switch (c.activation()) {
            case GELU -> "gelu";
            case GELU_TANH -> "gelu_pytorch_tanh";
            case RELU, TANH -> c.activation().name().toLowerCase(Locale.ROOT);
        };
    }

    /** Transformers' preprocessor_config.json. */
    static String preprocessor(Preprocessing p) {
        boolean whole = p.shortestSide() == 0;
        ObjectNode tree = JSON.createObjectNode();
        tree.put("image_processor_type", whole ? "ViTImageProcessor" : p.squash() ? "DeiTImageProcessor"
                : "BitImageProcessor").put("do_resize", true);
        if (whole || p.squash()) {
            int side = whole ? p.size() : p.shortestSide();
            tree.putObject("size").put("height", side).put("width", side);
        } else {
            tree.putObject("size").put("shortest_edge", p.shortestSide());
        }
        if (!whole) {
            tree.putObject("crop_size").put("height", p.size()).put("width", p.size());
        }
        tree.put("do_center_crop", !whole).put("resample", pillow(p.filter())).put("do_rescale", true)
                .put("rescale_factor", 1 / 255.0).put("do_normalize", true);
        tree.set("image_mean", JSON.valueToTree(p.mean()));
        tree.set("image_std", JSON.valueToTree(p.std()));
        return text(tree);
    }

    /** Pillow's numbers of its filters. */
    private static int pillow(Filter filter) {
        return switch (filter) {
            case LANCZOS -> 1;
            case BILINEAR -> 2;
            case BICUBIC -> 3;
            case BOX -> 4;
        };
    }

    private static String text(ObjectNode tree) {
        try {
            return JSON.writeValueAsString(tree) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
