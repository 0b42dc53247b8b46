// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.image.Preprocessing;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a model's files say beside its configuration and weights.
 *
 * @param labels the classes' names by index; empty if they have none
 * @param preprocessing what to do to an image; null if the files do not say, in which case it must not be guessed
 */
public record ModelInfo(List<String> labels, @Nullable Preprocessing preprocessing) {
    public static final ModelInfo NONE = new ModelInfo(List.of(), null);

    public ModelInfo {
        labels = List.copyOf(labels);
    }

    /** The name of class {@code index}, or its number where classes have no names. */
    public String label(int index) {
        return labels.isEmpty() ? Integer.toString(index) : labels.get(index);
    }
}
