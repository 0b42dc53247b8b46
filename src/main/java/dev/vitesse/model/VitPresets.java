// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The usual configurations by name. */
final class VitPresets {
    private static final Map<String, Supplier<VitConfig>> PRESETS = table();

    private VitPresets() {}

    private static Map<String, Supplier<VitConfig>> table() {
        Map<String, Supplier<VitConfig>> presets = new LinkedHashMap<>();
        presets.put("ti/16", () -> paper(16, 192, 12, 3));
        presets.put("s/16", () -> paper(16, 384, 12, 6));
        presets.put("b/16", () -> paper(16, 768, 12, 12));
        presets.put("l/16", () -> paper(16, 1024, 24, 16));
        presets.put("h/14", () -> paper(14, 1280, 32, 16));
        presets.put("mnist", () -> digits().width(64).depth(6).heads(4).mlpWidth(128).build());
        presets.put("lightvit", () -> digits().width(8).depth(2).heads(2).mlpWidth(32)
                .position(VitConfig.Position.SINUSOIDAL).build());
        return presets;
    }

    /** A size from Dosovitskiy et al. 2021 (table 1) or Touvron et al. 2021 (Ti and S), at 224 with 1000 classes. */
    private static VitConfig paper(int patchSize, int width, int depth, int heads) {
        return VitConfig.builder().patchSize(patchSize).width(width).depth(depth).heads(heads).build();
    }

    private static VitConfigBuilder digits() {
        return VitConfig.builder().imageSize(28).patchSize(4).channels(1).classes(10);
    }

    static List<String> names() {
        return List.copyOf(PRESETS.keySet());
    }

    /** The configuration called {@code name}; an IllegalArgumentException lists those there are. */
    static VitConfig get(String name) {
        Supplier<VitConfig> preset = PRESETS.get(name);
        if (preset == null) {
            throw new IllegalArgumentException(
                    "unknown preset '" + name + "': use one of " + String.join(", ", PRESETS.keySet()));
        }
        return preset.get();
    }
}
