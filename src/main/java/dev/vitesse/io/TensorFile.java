// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * An open file of named tensors. Segments that are parts of a mapping are valid until {@link #close}. Any thread may
 * read.
 */
public interface TensorFile extends AutoCloseable {
    /**
     * A tensor of the file.
     *
     * @param shape sizes of the axes, outermost first; empty for a scalar
     */
    record Entry(String name, StoredType type, long[] shape) {
        /** The number of elements. */
        public long elements() {
            return Arrays.stream(shape).reduce(1, Math::multiplyExact);
        }

        /** Name, type and shape, as messages show them: {@code head.weight F32[10, 64]}. */
        public String describe() {
            return name + " " + type + Arrays.toString(shape);
        }
    }

    Path path();

    /** Texts that come with the tensors; empty if there are none. */
    Map<String, String> metadata();

    /** The tensors by name, in the order of the file. */
    Map<String, Entry> tensors();

    /**
     * A tensor's elements, row-major and little-endian: a read-only part of the file's mapping, or where the format
     * does not allow that, a copy in memory from {@code allocator}.
     *
     * @throws InvalidFileException if there is no such tensor or it cannot be read
     */
    MemorySegment bytes(String name, SegmentAllocator allocator) throws InvalidFileException;

    /** The same; a copy is freed by the garbage collector. */
    default MemorySegment bytes(String name) throws InvalidFileException {
        return bytes(name, Arena.ofAuto());
    }

    /**
     * A tensor's elements as little-endian float32: the file's own bytes where it stores float32, otherwise converted
     * into memory from {@code allocator}.
     *
     * @throws InvalidFileException if there is no such tensor, or its type is not a floating-point one
     */
    default MemorySegment float32(String name, SegmentAllocator allocator) throws InvalidFileException {
        MemorySegment bytes = bytes(name, allocator);
        Entry entry = tensors().get(name);
        if (!entry.type().floating()) {
            throw new InvalidFileException(path(), "tensor " + entry.describe() + " is not of a floating-point type",
                    "expected F32, F16, BF16 or F64");
        }
        if (entry.type() == StoredType.F32) {
            return bytes;
        }
        long elements = entry.elements();
        MemorySegment floats = allocator.allocate(4 * elements, 4);
        ValueLayout.OfFloat layout = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (long i = 0; i < elements; i++) {
            floats.setAtIndex(layout, i, entry.type().floatAt(bytes, i));
        }
        return floats;
    }

    /**
     * A copy of a tensor's elements; integers are rounded to the nearest float32.
     *
     * @throws InvalidFileException if there is no such tensor or it is too large for an array
     */
    default float[] floats(String name) throws InvalidFileException {
        MemorySegment bytes = bytes(name);
        StoredType type = tensors().get(name).type();
        float[] values = new float[arrayLength(name)];
        for (int i = 0; i < values.length; i++) {
            values[i] = type.floatAt(bytes, i);
        }
        return values;
    }

    /**
     * A copy of a tensor's elements.
     *
     * @throws InvalidFileException if there is no such tensor, its type is not an integer one, or it is too large
     */
    default long[] longs(String name) throws InvalidFileException {
        MemorySegment bytes = bytes(name);
        Entry entry = tensors().get(name);
        if (entry.type().floating()) {
            throw new InvalidFileException(path(), "tensor " + entry.describe() + " is not of an integer type",
                    "expected I64, I32, I16, I8, U8 or BOOL");
        }
        long[] values = new long[arrayLength(name)];
        for (int i = 0; i < values.length; i++) {
            values[i] = entry.type().longAt(bytes, i);
        }
        return values;
    }

    /**
     * The tensor {@code name}.
     *
     * @throws InvalidFileException if there is none
     */
    default Entry entry(String name) throws InvalidFileException {
        Entry entry = tensors().get(name);
        if (entry == null) {
            throw new InvalidFileException(path(), "has no tensor " + name, "check that it is the right file");
        }
        return entry;
    }

    private int arrayLength(String name) throws InvalidFileException {
        Entry entry = tensors().get(name);
        if (entry.elements() > Integer.MAX_VALUE - 8) {
            throw new InvalidFileException(path(), "tensor " + entry.describe() + " is too large for an array",
                    "read it with float32() instead");
        }
        return (int) entry.elements();
    }

    @Override
    void close();
}
