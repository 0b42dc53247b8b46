// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a user says about a model's files.
 *
 * @param settings values by {@linkplain VitConfigs our keys} that take the place of those in the files, or are not in
 *     them: {@code num_heads} to {@code 12}
 * @param imageSize side of the images that the model shall take, for which its positions are resampled; 0 for the size
 *     that its files give
 * @param names a file of renames, see {@link Renames}; null for none
 */
public record LoadOptions(Map<String, String> settings, int imageSize, @Nullable Path names) {
    /** Everything as the files say. */
    public static final LoadOptions NONE = new LoadOptions(Map.of(), 0, null);

    /** @throws IllegalArgumentException if a key is unknown or the size negative */
    public LoadOptions {
        settings = Map.copyOf(settings);
        for (String key : settings.keySet()) {
            if (!VitConfigs.KEYS.contains(key)) {
                throw new IllegalArgumentException(
                        "unknown setting '" + key + "': use one of " + String.join(", ", VitConfigs.KEYS));
            }
        }
        if (imageSize < 0) {
            throw new IllegalArgumentException("the image size is " + imageSize + "; it must be positive");
        }
    }

    public LoadOptions with(String key, String value) {
        Map<String, String> all = new LinkedHashMap<>(settings);
        all.put(key, value);
        return new LoadOptions(all, imageSize, names);
    }

    public LoadOptions withImageSize(int value) {
        return new LoadOptions(settings, value, names);
    }

    public LoadOptions withNames(Path value) {
        return new LoadOptions(settings, imageSize, value);
    }
}
