// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * timm's {@code config.json}, which names the architecture instead of describing it: {@code vit_base_patch16_224} and
 * its like are understood, DeiT's too; architectures whose names say something else are refused. {@code pretrained_cfg}
 * says how images are prepared.
 */
final class TimmConfig {
    private static final Pattern ARCHITECTURE =
            Pattern.compile("(vit|deit|deit3)_([a-z0-9]+?)(_distilled)?_patch([0-9]{1,3})((?:_[a-z0-9]+)*)");

    /** A size of the family: width, depth, heads, and the MLP's width as a multiple of the width. */
    private record Size(int width, int depth, int heads, double mlp) {}

    private static final Map<String, Size> SIZES = Map.ofEntries(
            Map.entry("tiny", new Size(192, 12, 3, 4)), Map.entry("small", new Size(384, 12, 6, 4)),
            Map.entry("medium", new Size(512, 12, 8, 4)), Map.entry("base", new Size(768, 12, 12, 4)),
            Map.entry("large", new Size(1024, 24, 16, 4)), Map.entry("huge", new Size(1280, 32, 16, 4)),
            Map.entry("giant", new Size(1408, 40, 16, 48 / 11.0)), Map.entry("gigantic", new Size(1664, 48, 16, 64 / 13.0)));

    /** What an architecture's name may add: none of it changes more than the tensors or the other keys tell. */
    private static final Set<String> HARMLESS =
            Set.of("reg1", "reg4", "reg8", "reg16", "gap", "cls", "dinov2", "dino", "mae", "augreg", "in21k", "miil", "clip");

    private static final Map<String, Filter> FILTERS =
            Map.of("bicubic", Filter.BICUBIC, "bilinear", Filter.BILINEAR, "lanczos", Filter.LANCZOS);

    private static final double DEFAULT_CROP = 0.875;

    private final Settings s;
    private final ConfigDraft draft;

    private TimmConfig(Settings settings) {
        s = settings;
        draft = new ConfigDraft(settings.path());
    }

    static ConfigDraft parse(Settings settings) throws InvalidFileException {
        TimmConfig config = new TimmConfig(settings);
        config.addArchitecture();
        config.addPool();
        Settings pretrained = settings.below("pretrained_cfg");
        Settings arguments = settings.below("model_args");
        if (pretrained != null) {
            config.addInput(pretrained);
        }
        if (arguments != null) {
            config.addArguments(arguments);
        }
        if (settings.has("label_names")) {
            config.put("id2label", VitConfigs.byIndex(settings.textList("label_names")), "label_names");
        }
        return config.draft;
    }

    private void put(String key, Object value, String theirs) {
        draft.put(key, value, s.path().getFileName() + ": " + theirs);
    }

    private void addArchitecture() throws InvalidFileException {
        String architecture = s.text("architecture").split("\\.", 2)[0];
        if (architecture.contains("_rpn")) {
            throw new InvalidFileException(s.path(), "describes " + architecture
                    + ", which normalises after each branch (post-norm)", "only pre-norm models are supported");
        }
        Matcher name = ARCHITECTURE.matcher(architecture);
        Size size = name.matches() ? SIZES.get(name.group(2)) : null;
        if (size == null) {
            throw s.wrong("architecture", "vit_, deit_ or deit3_ with one of " + String.join(", ", SIZES.keySet())
                    + " and _patchP");
        }
        int imageSize = 224;
        boolean clip = false;
        boolean classToken = true;
        for (String word : name.group(5).substring(Math.min(1, name.group(5).length())).split("_")) {
            if (word.matches("[0-9]{2,4}")) {
                imageSize = Integer.parseInt(word);
            } else if (!word.isEmpty() && !HARMLESS.contains(word)) {
                throw new InvalidFileException(s.path(), "describes " + architecture + ", and what its '" + word
                        + "' changes is not supported", "use a plain architecture of the family");
            }
            clip |= word.equals("clip");
            classToken &= !word.equals("gap");
        }
        put("image_size", imageSize, "architecture");
        put("patch_size", Integer.parseInt(name.group(4)), "architecture");
        put("channels", 3, "architecture");
        put("hidden_dim", size.width(), "architecture");
        put("num_layers", size.depth(), "architecture");
        put("num_heads", size.heads(), "architecture");
        put("mlp_dim", (int) (size.width() * size.mlp()), "architecture");
        put("num_classes", s.integer("num_classes"), "num_classes");
        put("layer_norm_eps", clip ? 1e-5 : 1e-6, "architecture");
        put("activation", "gelu", "architecture");
        put("class_token", classToken, "architecture");
    }

    /** Arguments that change the architecture; those whose meaning is not known are refused. */
    private void addArguments(Settings arguments) throws InvalidFileException {
        for (String key : arguments.keys()) {
            if (!arguments.has(key)) {
                continue;
            }
            switch (key) {
                case "img_size" -> put("image_size", arguments.integer(key), "model_args.img_size");
                case "in_chans" -> put("channels", arguments.integer(key), "model_args.in_chans");
                case "embed_dim" -> put("hidden_dim", arguments.integer(key), "model_args.embed_dim");
                case "depth" -> put("num_layers", arguments.integer(key), "model_args.depth");
                case "patch_size", "num_heads", "qkv_bias", "class_token" ->
                        put(key, arguments.node(key), "model_args." + key);
                case "reg_tokens" -> put("registers", arguments.integer(key), "model_args.reg_tokens");
                case "pre_norm" -> put("patch_norm", arguments.flag(key, false), "model_args.pre_norm");
                case "init_values" -> put("layer_scale", arguments.number(key), "model_args.init_values");
                case "act_layer" -> put("activation", arguments.text(key), "model_args.act_layer");
                case "fc_norm" -> put("final_norm", arguments.flag(key, false) ? "after_pooling" : "before_pooling",
                        "model_args.fc_norm");
                // Both follow from other values: the first with the width below, the second from the positions.
                case "mlp_ratio", "no_embed_class" -> {}
                default -> throw new InvalidFileException(s.path(), "has model_args." + key + " ("
                        + arguments.abbreviated(key) + "), whose meaning is not known", "use a plain model");
            }
        }
        Settings values = draft.settings();
        if (arguments.has("mlp_ratio")) {
            double ratio = arguments.node("mlp_ratio").asDouble();
            put("mlp_dim", (int) (values.integer("hidden_dim") * ratio), "model_args.mlp_ratio");
        } else if (arguments.has("embed_dim")) {
            put("mlp_dim", 4 * values.integer("hidden_dim"), "model_args.embed_dim");
        }
        if (arguments.flag("no_embed_class", false)) {
            put("positioned_prefix", 0, "model_args.no_embed_class");
        }
    }

    private void addPool() throws InvalidFileException {
        String pool = s.has("global_pool") ? s.text("global_pool") : "token";
        boolean distilled = s.text("architecture").contains("_distilled");
        if (pool.equals("avg")) {
            put("pool", "mean", "global_pool");
            // Which norm there is the tensors tell: fc_norm after pooling, or norm before it.
        } else if (pool.equals("token") || pool.isEmpty()) {
            put("pool", distilled ? "class_and_distillation" : "class_token", "global_pool");
        } else {
            throw s.wrong("global_pool", "token or avg");
        }
        put("distillation_token", distilled, "architecture");
    }

    private void addInput(Settings pretrained) throws InvalidFileException {
        List<Integer> input = pretrained.integers("input_size");
        if (input.size() == 3) {
            put("channels", input.get(0), "pretrained_cfg.input_size");
            put("image_size", input.get(2), "pretrained_cfg.input_size");
        }
        if (pretrained.has("mean")) {
            Settings merged = draft.settings();
            draft.put(preprocessing(pretrained, merged.integer("channels"), merged.integer("image_size")),
                    s.path().getFileName() + ": pretrained_cfg");
        }
    }

    /** timm resizes the shorter side to size / crop_pct, rounded down, then crops the centre. */
    private static Preprocessing preprocessing(Settings s, int channels, int imageSize) throws InvalidFileException {
        float crop = s.number("crop_pct", (float) DEFAULT_CROP);
        boolean squash = s.has("crop_mode") && s.text("crop_mode").equals("squash");
        if (!(crop > 0 && crop <= 1) || s.has("crop_mode") && !squash && !s.text("crop_mode").equals("center")) {
            throw new InvalidFileException(s.path(), "crops in a way that is not supported",
                    "crop_mode must be center or squash, and crop_pct above 0 and at most 1");
        }
        try {
            // In double precision, as timm: 0.9f is a little less than 0.9, which may round differently.
            double share = s.has("crop_pct") ? s.node("crop_pct").asDouble() : DEFAULT_CROP;
            int shortestSide = squash && crop == 1 ? 0 : (int) (imageSize / share);
            return new Preprocessing(channels, imageSize, shortestSide, squash && crop < 1,
                    s.choice("interpolation", FILTERS, Filter.BICUBIC), s.numbers("mean"), s.numbers("std"));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(s.path(), e.getMessage(), "correct it");
        }
    }
}
