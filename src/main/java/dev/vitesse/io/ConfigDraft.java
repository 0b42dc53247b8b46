// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.image.Preprocessing;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/** A configuration in the making: values under our own keys (see {@link VitConfigs}) and where each came from. */
final class ConfigDraft {
    private final Path source;
    private final ObjectNode values = Json.object();
    private final Map<String, String> origins = new LinkedHashMap<>();
    private boolean headUncertain;

    /** @param source the file that messages name */
    ConfigDraft(Path source) {
        this.source = source;
    }

    Path source() {
        return source;
    }

    boolean isEmpty() {
        return values.isEmpty();
    }

    boolean has(String key) {
        return values.hasNonNull(key);
    }

    /** Sets a value: a number, a flag, a text (which may hold JSON), or a list or map of those. */
    void put(String key, Object value, String origin) {
        values.set(key, Json.of(value));
        origins.put(key, origin);
    }

    /** Sets a value unless there is one. */
    void putIfAbsent(String key, Object value, String origin) {
        if (!has(key)) {
            put(key, value, origin);
        }
    }

    void remove(String key) {
        values.remove(key);
        origins.remove(key);
    }

    /** Notes that the model may have no head although the values say how many classes there are. */
    void markHeadUncertain() {
        headUncertain = true;
    }

    /** Takes back what was said about a head, if that was uncertain. */
    void dropUncertainHead(String origin) {
        if (headUncertain) {
            put("num_classes", 0, origin);
            put("pool", "class_token", origin);
            remove("id2label");
        }
    }

    void put(Preprocessing preprocessing, String origin) {
        put("input_size", preprocessing.size(), origin);
        put("mean", preprocessing.mean(), origin);
        put("std", preprocessing.std(), origin);
        put("resize_shortest_side", preprocessing.shortestSide(), origin);
        put("resize_squash", preprocessing.squash(), origin);
        put("interpolation", preprocessing.filter().key(), origin);
    }

    Settings settings() {
        return Settings.of(source, values);
    }

    /** By key, what its value came from: {@code config.json: hidden_size}. */
    Map<String, String> origins() {
        return Collections.unmodifiableMap(origins);
    }
}
