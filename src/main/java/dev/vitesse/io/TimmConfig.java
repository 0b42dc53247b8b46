// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * timm's {@code config.json}, which names the architecture instead of describing it: {@code vit_base_patch16_224} and
 * its like are understood, other architectures refused. {@code pretrained_cfg} says how images are prepared.
 */
final class TimmConfig {
    private static final Pattern ARCHITECTURE =
            Pattern.compile("vit_(tiny|small|base|large)_patch([0-9]{1,3})_([0-9]{1,4})");
    private static final Map<String, String> PRESETS =
            Map.of("tiny", "ti/16", "small", "s/16", "base", "b/16", "large", "l/16");
    private static final Map<String, Filter> FILTERS =
            Map.of("bicubic", Filter.BICUBIC, "bilinear", Filter.BILINEAR, "lanczos", Filter.LANCZOS);

    private TimmConfig() {}

    static VitConfigs.Description parse(Settings s) throws InvalidFileException {
        Matcher name = ARCHITECTURE.matcher(s.text("architecture"));
        if (!name.matches()) {
            throw s.wrong("architecture", "vit_tiny, vit_small, vit_base or vit_large with _patchP_S");
        }
        Settings pretrained = s.below("pretrained_cfg");
        List<Integer> input = pretrained == null ? List.of() : pretrained.integers("input_size");
        int size = input.size() == 3 ? input.get(2) : Integer.parseInt(name.group(3));
        VitConfig.Builder builder = VitConfig.preset(PRESETS.get(name.group(1))).toBuilder()
                .imageSize(size).patchSize(Integer.parseInt(name.group(2))).classes(s.integer("num_classes"))
                .channels(input.size() == 3 ? input.getFirst() : 3);
        String pool = s.has("global_pool") ? s.text("global_pool") : "token";
        if (pool.equals("avg")) {
            builder.pooling(Pooling.MEAN).finalNorm(FinalNorm.AFTER_POOLING);
        } else if (!pool.equals("token")) {
            throw s.wrong("global_pool", "token or avg");
        }
        VitConfig config = VitConfigs.build(s, builder);
        Preprocessing preprocessing =
                pretrained == null || !pretrained.has("mean") ? null : preprocessing(pretrained, config);
        return new VitConfigs.Description(s.path(), config, new ModelInfo(List.of(), preprocessing));
    }

    /** timm resizes the shorter side to size / crop_pct, rounded down, then crops the centre. */
    private static Preprocessing preprocessing(Settings s, VitConfig config) throws InvalidFileException {
        float crop = s.number("crop_pct", 0.875f);
        if (!(crop > 0 && crop <= 1) || s.has("crop_mode") && !s.text("crop_mode").equals("center")) {
            throw new InvalidFileException(s.path(), "crops in a way that is not supported",
                    "crop_mode must be center and crop_pct above 0 and at most 1");
        }
        try {
            // As a decimal: 0.9f is a little less than 0.9, which would round 248.9 differently.
            int shortestSide = (int) (config.imageSize() / Double.parseDouble(Float.toString(crop)));
            return new Preprocessing(config.channels(), config.imageSize(), shortestSide,
                    s.choice("interpolation", FILTERS, Filter.BICUBIC), s.numbers("mean"), s.numbers("std"));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(s.path(), e.getMessage(), "correct it");
        }
    }
}
