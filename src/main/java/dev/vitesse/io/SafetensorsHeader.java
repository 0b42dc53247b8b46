// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors header and the format's rules: at most {@value #MAX_BYTES} bytes; UTF-8 JSON that starts with an
 * opening brace and may be padded with spaces; no key twice; {@code __metadata__} maps strings to strings; every tensor
 * has a known type, a shape of non-negative sizes and offsets that span just its elements; together the tensors fill
 * the file without holes, overlaps or a rest. Empty tensors and scalars are legal. A tensor's keys beyond those three
 * are ignored, as the format's own library does.
 */
final class SafetensorsHeader {
    static final long MAX_BYTES = 100_000_000;

    private static final String REMEDY = "the file is damaged or not safetensors: copy or download it again";
    private static final int MAX_AXES = 32;
    private static final JsonFactory JSON = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // Names are many and used once: interning them would only fill a global table.
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(16)
                    .maxNameLength(100_000)
                    .maxNumberLength(40)
                    .maxStringLength((int) MAX_BYTES)
                    .build())
            .build();

    private static final List<StoredType> TYPES = List.of(StoredType.values());

    private final Path path;
    private final Map<String, String> metadata = new LinkedHashMap<>();
    private final Map<String, Span> spans = new LinkedHashMap<>();
    private final Map<String, TensorFile.Entry> tensors = new LinkedHashMap<>();

    /** Where a tensor lies in the data. */
    private record Span(TensorFile.Entry entry, long begin, long end) {}

    private SafetensorsHeader(Path path) {
        this.path = path;
    }

    /**
     * Parses the header {@code json} of a file with {@code dataBytes} bytes after it.
     *
     * @throws InvalidFileException naming the broken rule
     */
    static SafetensorsHeader parse(Path path, MemorySegment json, long dataBytes) throws IOException {
        SafetensorsHeader header = new SafetensorsHeader(path);
        if (json.get(ValueLayout.JAVA_BYTE, 0) != '{') {
            throw header.invalid("its header does not start with '{'");
        }
        try (JsonParser parser = JSON.createParser(utf8(json))) {
            header.parse(parser);
        } catch (JsonProcessingException e) {
            throw header.invalid("its header is not valid JSON: " + e.getOriginalMessage());
        } catch (CharacterCodingException e) {
            throw header.invalid("its header is not UTF-8");
        }
        header.requireContiguous(dataBytes);
        header.spans.forEach((name, span) -> header.tensors.put(name, span.entry()));
        return header;
    }

    Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    Map<String, TensorFile.Entry> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    /** Where tensor {@code name} starts, in bytes after the header. */
    long offset(String name) {
        return spans.get(name).begin();
    }

    private void parse(JsonParser parser) throws IOException {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            if (name.equals("__metadata__")) {
                parseMetadata(parser);
            } else {
                spans.put(name, parseTensor(parser, name));
            }
        }
        if (parser.nextToken() != null) {
            throw invalid("its header goes on after its closing brace");
        }
    }

    private void parseMetadata(JsonParser parser) throws IOException {
        require(parser.currentToken() == JsonToken.START_OBJECT, "its __metadata__ is not an object");
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            require(parser.nextToken() == JsonToken.VALUE_STRING, "its __metadata__ '%s' is not a string", key);
            metadata.put(key, parser.getText());
        }
    }

    private Span parseTensor(JsonParser parser, String name) throws IOException {
        require(parser.currentToken() == JsonToken.START_OBJECT, "tensor %s is not described by an object", name);
        StoredType type = null;
        long[] shape = null;
        long[] offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            parser.nextToken();
            switch (key) {
                case "dtype" -> type = parseType(parser, name);
                case "shape" -> shape = parseSizes(parser, name, key, MAX_AXES);
                case "data_offsets" -> offsets = parseSizes(parser, name, key, 2);
                default -> parser.skipChildren();
            }
        }
        requirePresent(type, name, "dtype");
        requirePresent(shape, name, "shape");
        requirePresent(offsets, name, "data_offsets");
        return span(new TensorFile.Entry(name, type, shape), offsets);
    }

    private StoredType parseType(JsonParser parser, String name) throws IOException {
        require(parser.currentToken() == JsonToken.VALUE_STRING, "tensor %s: dtype is not a string", name);
        String text = parser.getText();
        for (StoredType type : TYPES) {
            if (type.name().equals(text)) {
                return type;
            }
        }
        throw new InvalidFileException(path, "tensor " + name + " has the type " + text,
                "convert it to one of " + TYPES);
    }

    private long[] parseSizes(JsonParser parser, String name, String key, int limit) throws IOException {
        require(parser.currentToken() == JsonToken.START_ARRAY, "tensor %s: %s is not an array", name, key);
        long[] sizes = new long[limit];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            boolean fits = parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
            if (!fits || parser.getLongValue() < 0) {
                throw invalid("tensor " + name + ": " + key + " holds '" + parser.getText()
                        + "', not an integer from 0 to 2^63 - 1");
            }
            require(count < limit, "tensor %s: %s has more than %s entries", name, key, limit);
            sizes[count++] = parser.getLongValue();
        }
        return Arrays.copyOf(sizes, count);
    }

    private Span span(TensorFile.Entry entry, long[] offsets) throws InvalidFileException {
        require(offsets.length == 2, "tensor %s: data_offsets has not two entries", entry.name());
        long bytes;
        try {
            bytes = Math.multiplyExact(entry.elements(), entry.type().bytes());
        } catch (ArithmeticException e) {
            throw invalid("tensor " + entry.describe() + " is larger than 2^63 bytes");
        }
        if (offsets[0] > offsets[1] || offsets[1] - offsets[0] != bytes) {
            throw invalid("tensor " + entry.describe() + " needs " + bytes + " bytes but its data_offsets are "
                    + Arrays.toString(offsets));
        }
        return new Span(entry, offsets[0], offsets[1]);
    }

    private void requireContiguous(long dataBytes) throws InvalidFileException {
        List<Span> ordered = new ArrayList<>(spans.values());
        ordered.sort((a, b) -> a.begin() != b.begin() ? Long.compare(a.begin(), b.begin())
                : Long.compare(a.end(), b.end()));
        long end = 0;
        for (Span span : ordered) {
            require(span.begin() == end, "tensor %s starts at byte %s of the data, where the one before ends at %s",
                    span.entry().name(), span.begin(), end);
            end = span.end();
        }
        if (end > dataBytes) {
            throw new InvalidFileException(path, "is cut short: its tensors take " + end + " bytes, " + dataBytes
                    + " are there", "copy or download it again");
        }
        require(end == dataBytes, "has %s bytes after its last tensor", dataBytes - end);
    }

    private void requirePresent(@Nullable Object value, String name, String key) throws InvalidFileException {
        require(value != null, "tensor %s has no %s", name, key);
    }

    /** @param details what {@code problem}'s {@code %s} stand for: a text is made only where it is needed */
    private void require(boolean condition, String problem, Object... details) throws InvalidFileException {
        if (!condition) {
            throw invalid(problem.formatted(details));
        }
    }

    private InvalidFileException invalid(String problem) {
        return new InvalidFileException(path, problem, REMEDY);
    }

    /** Jackson guesses the encoding of bytes and lets some malformed ones pass; given characters, it cannot. */
    private static Reader utf8(MemorySegment json) {
        ByteBuffer bytes = json.asByteBuffer();
        InputStream stream = new InputStream() {
            @Override
            public int read() {
                return bytes.hasRemaining() ? bytes.get() & 0xff : -1;
            }

            @Override
            public int read(byte[] target, int offset, int length) {
                int count = Math.min(length, bytes.remaining());
                bytes.get(target, offset, count);
                return count == 0 && length > 0 ? -1 : count;
            }
        };
        return new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8.newDecoder()
                .onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)));
    }
}
