// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.data.Augmentation;
import dev.vitesse.data.MnistSource;
import dev.vitesse.io.AtomicFiles;
import dev.vitesse.io.InputFiles;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What {@code --resume} must know that neither the model's configuration nor the checkpoint says: {@code run.json}.
 *
 * @param preset the name that the model was made by
 * @param data the folder of the data, empty for generated digits
 * @param validation images held out of the training set
 * @param augment whether training images are distorted
 * @param seed of the weights, the split, the data's order and dropout
 */
record RunSettings(String preset, String data, int validation, boolean augment, long seed) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long SIZE_LIMIT = 1 << 16;

    void write(Path path) throws IOException {
        ObjectNode node = Console.result()
                .put("preset", preset).put("data", data).put("validation", validation).put("augment", augment)
                .put("seed", seed);
        AtomicFiles.write(path, JSON.writerWithDefaultPrettyPrinter().writeValueAsString(node) + "\n");
    }

    static RunSettings read(Path path) throws IOException {
        try {
            JsonNode node = JSON.readTree(InputFiles.read(path, "a run's settings", SIZE_LIMIT));
            if (node.path("preset").isTextual() && node.path("data").isTextual()
                    && node.path("validation").isInt() && node.path("augment").isBoolean()
                    && node.path("seed").isIntegralNumber()) {
                return new RunSettings(node.get("preset").textValue(), node.get("data").textValue(),
                        node.get("validation").intValue(), node.get("augment").booleanValue(),
                        node.get("seed").longValue());
            }
        } catch (JsonProcessingException e) {
            throw new InvalidFileException(path, "is not JSON: " + e.getOriginalMessage(), "start a new run", e);
        }
        throw new InvalidFileException(path, "lacks preset, data, validation, augment or seed", "start a new run");
    }

    /** The data that the run was started with. */
    MnistSource.Digits digits() {
        return new MnistSource.Digits(data.isEmpty() ? null : Path.of(data));
    }

    @Nullable Augmentation augmentation() {
        return augment ? Augmentation.digits(seed) : null;
    }
}
