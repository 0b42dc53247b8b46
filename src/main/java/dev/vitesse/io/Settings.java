// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Values by key, from a JSON file or from safetensors metadata, where every value is a text that holds JSON. Each
 * getter checks its value's type and names the key if it does not fit.
 */
final class Settings {
    private static final long MAX_BYTES = 64L << 20;

    private final Path path;
    private final ObjectNode values;

    private Settings(Path path, ObjectNode values) {
        this.path = path;
        this.values = values;
    }

    /** Reads a JSON file that holds an object. */
    static Settings read(Path path) throws IOException {
        byte[] bytes = InputFiles.read(path, "a JSON file", MAX_BYTES);
        try {
            if (Json.read(bytes) instanceof ObjectNode object) {
                return new Settings(path, object);
            }
        } catch (JsonProcessingException e) {
            throw new InvalidFileException(path, "is not valid JSON: " + e.getOriginalMessage(), "correct it", e);
        }
        throw new InvalidFileException(path, "does not hold a JSON object", "correct it");
    }

    /** The texts of a file's metadata. */
    static Settings of(Path path, Map<String, String> texts) {
        ObjectNode object = Json.object();
        texts.forEach(object::put);
        return new Settings(path, object);
    }

    /** The values of {@code object}. */
    static Settings of(Path path, ObjectNode object) {
        return new Settings(path, object);
    }

    Path path() {
        return path;
    }

    List<String> keys() {
        List<String> keys = new ArrayList<>();
        values.fieldNames().forEachRemaining(keys::add);
        return keys;
    }

    /** The value as it stands in the file. */
    JsonNode node(String key) {
        return values.get(key);
    }

    /** Whether there is such a key with a value other than null. */
    boolean has(String key) {
        return values.hasNonNull(key);
    }

    int integer(String key) throws InvalidFileException {
        JsonNode node = required(key);
        if (node.isIntegralNumber() && node.canConvertToInt()) {
            return node.intValue();
        }
        throw wrong(key, "an integer");
    }

    int integer(String key, int absent) throws InvalidFileException {
        return has(key) ? integer(key) : absent;
    }

    float number(String key) throws InvalidFileException {
        JsonNode node = required(key);
        if (node.isNumber() && Float.isFinite((float) node.doubleValue())) {
            return (float) node.doubleValue();
        }
        throw wrong(key, "a number");
    }

    float number(String key, float absent) throws InvalidFileException {
        return has(key) ? number(key) : absent;
    }

    boolean flag(String key, boolean absent) throws InvalidFileException {
        if (!has(key)) {
            return absent;
        }
        JsonNode node = required(key);
        if (node.isBoolean()) {
            return node.booleanValue();
        }
        throw wrong(key, "true or false");
    }

    String text(String key) throws InvalidFileException {
        JsonNode node = values.get(key);
        if (node == null || node.isNull()) {
            throw missing(key);
        }
        if (node.isTextual()) {
            return node.textValue();
        }
        throw wrong(key, "a text");
    }

    /** The texts of an array. */
    List<String> textList(String key) throws InvalidFileException {
        List<String> texts = new ArrayList<>();
        for (JsonNode element : required(key)) {
            if (!element.isTextual()) {
                throw wrong(key, "an array of texts");
            }
            texts.add(element.textValue());
        }
        return texts;
    }

    @Nullable String textOrNull(String key) throws InvalidFileException {
        return has(key) ? text(key) : null;
    }

    /** One of {@code choices}, which are named if it is another. */
    <T> T choice(String key, Map<String, T> choices) throws InvalidFileException {
        T choice = choices.get(text(key));
        if (choice == null) {
            throw wrong(key, "one of " + String.join(", ", choices.keySet()));
        }
        return choice;
    }

    <T> T choice(String key, Map<String, T> choices, T absent) throws InvalidFileException {
        return has(key) ? choice(key, choices) : absent;
    }

    /** The numbers of an array, or one number; empty where the key is absent. */
    List<Float> numbers(String key) throws InvalidFileException {
        List<Float> numbers = new ArrayList<>();
        if (has(key)) {
            JsonNode node = required(key);
            for (JsonNode element : node.isArray() ? node : List.of(node)) {
                if (!element.isNumber() || !Float.isFinite((float) element.doubleValue())) {
                    throw wrong(key, "an array of numbers");
                }
                numbers.add((float) element.doubleValue());
            }
        }
        return numbers;
    }

    /** The integers of an array; empty where the key is absent. */
    List<Integer> integers(String key) throws InvalidFileException {
        List<Integer> integers = new ArrayList<>();
        if (has(key)) {
            JsonNode node = required(key);
            for (JsonNode element : node.isArray() ? node : List.of(node)) {
                if (!element.isIntegralNumber() || !element.canConvertToInt()) {
                    throw wrong(key, "an array of integers");
                }
                integers.add(element.intValue());
            }
        }
        return integers;
    }

    /** The texts of an object whose keys are 0, 1, 2...; empty where the key is absent. */
    List<String> textsByIndex(String key) throws InvalidFileException {
        if (!has(key)) {
            return List.of();
        }
        JsonNode node = required(key);
        Map<Integer, String> texts = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : node.properties()) {
            if (!isNumber(entry.getKey()) || !entry.getValue().isTextual()) {
                throw wrong(key, "an object from class numbers to names");
            }
            texts.put(Integer.valueOf(entry.getKey()), entry.getValue().textValue());
        }
        if (!node.isObject() || texts.size() != node.size()
                || !texts.isEmpty() && ((TreeMap<Integer, String>) texts).lastKey() != texts.size() - 1) {
            throw wrong(key, "an object whose keys are 0, 1, 2 and so on without a gap");
        }
        return List.copyOf(texts.values());
    }

    /** Whether {@code key} has one to nine digits and nothing else. */
    private static boolean isNumber(String key) {
        for (int i = 0; i < key.length(); i++) {
            if (key.charAt(i) < '0' || key.charAt(i) > '9') {
                return false;
            }
        }
        return !key.isEmpty() && key.length() <= 9;
    }

    /** The texts of an object of texts, in its order. */
    Map<String, String> texts(String key) throws InvalidFileException {
        if (!(required(key) instanceof ObjectNode object)) {
            throw wrong(key, "an object of texts");
        }
        Map<String, String> texts = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : object.properties()) {
            if (!entry.getValue().isTextual()) {
                throw wrong(key, "an object of texts");
            }
            texts.put(entry.getKey(), entry.getValue().textValue());
        }
        return texts;
    }

    /** The settings below {@code key}, or null if its value is not an object. */
    @Nullable Settings below(String key) {
        return values.get(key) instanceof ObjectNode object ? new Settings(path, object) : null;
    }

    /** The value, read as JSON if it is a text that holds some, as metadata's do. */
    private JsonNode required(String key) throws InvalidFileException {
        JsonNode node = values.get(key);
        if (node == null || node.isNull()) {
            throw missing(key);
        }
        if (node.isTextual()) {
            try {
                JsonNode parsed = Json.read(node.textValue());
                return parsed.isMissingNode() ? node : parsed;
            } catch (IOException e) {
                return node;
            }
        }
        return node;
    }

    InvalidFileException missing(String key) {
        return new InvalidFileException(path, "the key " + key + " is missing", "add it");
    }

    InvalidFileException wrong(String key, String expected) {
        return new InvalidFileException(path, "the key " + key + " is " + abbreviated(key), "it must be " + expected);
    }

    /** A value as messages show it. */
    String abbreviated(String key) {
        String value = values.get(key).toString();
        return value.length() <= 60 ? value : value.substring(0, 60) + "...";
    }

    InvalidFileException contradiction(String problem) {
        return new InvalidFileException(path, problem, "correct one of them");
    }
}
