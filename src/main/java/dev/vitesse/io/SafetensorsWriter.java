// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Collects tensors and texts and writes them as one safetensors file. Tensors are read from the device, or copied from
 * their segments, one at a time while writing; nothing is held twice.
 */
public final class SafetensorsWriter {
    /** ByteBuffers end at 2^31 - 1 bytes: larger tensors are written in pieces. */
    private static final long PIECE = 1L << 30;

    private final Map<String, Source> sources = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    /** A tensor to write; {@code segment} may use {@code scratch}, which holds at least its bytes. */
    private record Source(StoredType type, long[] shape, long bytes, Reader reader) {
        private interface Reader {
            MemorySegment segment(MemorySegment scratch);
        }
    }

    /** Adds a device tensor; it is read when the file is written. */
    public SafetensorsWriter add(String name, Tensor tensor) {
        StoredType type = switch (tensor.type()) {
            case FLOAT32 -> StoredType.F32;
            case INT32 -> StoredType.I32;
        };
        long[] shape = Arrays.stream(tensor.shape()).asLongStream().toArray();
        return put(name, new Source(type, shape, tensor.byteSize(), scratch -> {
            MemorySegment target = scratch.asSlice(0, tensor.byteSize());
            tensor.read(target);
            return target;
        }));
    }

    /**
     * Adds {@code elements}, row-major and little-endian; they are read when the file is written.
     *
     * @throws IllegalArgumentException if the segment's size does not fit type and shape
     */
    public SafetensorsWriter add(String name, StoredType type, long[] shape, MemorySegment elements) {
        long bytes = Arrays.stream(shape).reduce(type.bytes(), Math::multiplyExact);
        if (elements.byteSize() != bytes) {
            throw new IllegalArgumentException("tensor " + name + " " + type + Arrays.toString(shape) + " takes "
                    + bytes + " bytes, not " + elements.byteSize());
        }
        return put(name, new Source(type, shape.clone(), bytes, scratch -> elements));
    }

    /** Adds float32 {@code values}. */
    public SafetensorsWriter add(String name, float[] values, int... shape) {
        requireElements(name, values.length, shape);
        return add(name, StoredType.F32, Arrays.stream(shape).asLongStream().toArray(), MemorySegment.ofArray(values));
    }

    /** Adds int32 {@code values}. */
    public SafetensorsWriter add(String name, int[] values, int... shape) {
        requireElements(name, values.length, shape);
        return add(name, StoredType.I32, Arrays.stream(shape).asLongStream().toArray(), MemorySegment.ofArray(values));
    }

    private static void requireElements(String name, int length, int[] shape) {
        if (Shapes.elements(shape) != length) {
            throw new IllegalArgumentException(
                    "tensor " + name + Arrays.toString(shape) + " does not have " + length + " elements");
        }
    }

    private SafetensorsWriter put(String name, Source source) {
        if (name.equals("__metadata__") || sources.putIfAbsent(name, source) != null) {
            throw new IllegalArgumentException("the name " + name + " is taken");
        }
        return this;
    }

    /** Adds a text. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** Adds texts. */
    public SafetensorsWriter metadata(Map<String, String> texts) {
        metadata.putAll(texts);
        return this;
    }

    /**
     * Writes the file in one step; see {@link AtomicFiles}.
     *
     * @throws UnwritableFileException if that fails; a file that was there is left as it was
     */
    public void write(Path path) throws IOException {
        byte[] header = header();
        long largest = sources.values().stream().mapToLong(Source::bytes).max().orElse(0);
        AtomicFiles.write(path, channel -> {
            ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
            AtomicFiles.writeFully(channel, length.putLong(0, header.length));
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(header));
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment scratch = arena.allocate(Math.max(largest, 1), ValueLayout.JAVA_LONG.byteAlignment());
                for (Source source : sources.values()) {
                    writeFully(channel, source.reader().segment(scratch));
                }
            }
        });
    }

    private static void writeFully(FileChannel channel, MemorySegment bytes) throws IOException {
        for (long start = 0; start < bytes.byteSize(); start += PIECE) {
            MemorySegment piece = bytes.asSlice(start, Math.min(PIECE, bytes.byteSize() - start));
            AtomicFiles.writeFully(channel, asByteBuffer(piece));
        }
    }

    /** A view; of heap segments only byte arrays have one, so other arrays are copied. */
    private static ByteBuffer asByteBuffer(MemorySegment piece) {
        boolean viewable = piece.isNative() || piece.heapBase().filter(byte[].class::isInstance).isPresent();
        return viewable ? piece.asByteBuffer() : ByteBuffer.wrap(piece.toArray(ValueLayout.JAVA_BYTE));
    }

    private byte[] header() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
            json.writeStartObject();
            if (!metadata.isEmpty()) {
                json.writeObjectFieldStart("__metadata__");
                for (Map.Entry<String, String> text : metadata.entrySet()) {
                    json.writeStringField(text.getKey(), text.getValue());
                }
                json.writeEndObject();
            }
            long offset = 0;
            for (Map.Entry<String, Source> source : sources.entrySet()) {
                offset = describe(json, source.getKey(), source.getValue(), offset);
            }
            json.writeEndObject();
        }
        // Padding with spaces aligns the data, so that readers may use the mapping as it is.
        bytes.write(" ".repeat((Long.BYTES - bytes.size() % Long.BYTES) % Long.BYTES).getBytes());
        return bytes.toByteArray();
    }

    private static long describe(JsonGenerator json, String name, Source source, long offset) throws IOException {
        long end = Math.addExact(offset, source.bytes());
        json.writeObjectFieldStart(name);
        json.writeStringField("dtype", source.type().name());
        json.writeFieldName("shape");
        json.writeArray(source.shape(), 0, source.shape().length);
        json.writeFieldName("data_offsets");
        json.writeArray(new long[] {offset, end}, 0, 2);
        json.writeEndObject();
        return end;
    }
}
