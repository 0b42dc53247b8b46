// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** The type of a tensor's elements in a file, little-endian, under safetensors' names. */
public enum StoredType {
    F64(8, true),
    F32(4, true),
    F16(2, true),
    BF16(2, true),
    I64(8, false),
    I32(4, false),
    I16(2, false),
    I8(1, false),
    U8(1, false),
    BOOL(1, false);

    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int bytes;
    private final boolean floating;

    StoredType(int bytes, boolean floating) {
        this.bytes = bytes;
        this.floating = floating;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }

    /** Whether it is a floating-point type, whose values float32 stands for exactly or rounded. */
    public boolean floating() {
        return floating;
    }

    /** Element {@code index} of {@code segment} as float32, to nearest; larger values than it can hold are infinite. */
    float floatAt(MemorySegment segment, long index) {
        return switch (this) {
            case F64 -> (float) segment.get(DOUBLE, 8 * index);
            case F32 -> segment.get(FLOAT, 4 * index);
            case F16 -> Float.float16ToFloat(segment.get(SHORT, 2 * index));
            // bfloat16 is the upper half of float32.
            case BF16 -> Float.intBitsToFloat(segment.get(SHORT, 2 * index) << 16);
            default -> longAt(segment, index);
        };
    }

    /** Element {@code index} of {@code segment}, of an integer type or BOOL. */
    long longAt(MemorySegment segment, long index) {
        return switch (this) {
            case I64 -> segment.get(LONG, 8 * index);
            case I32 -> segment.get(INT, 4 * index);
            case I16 -> segment.get(SHORT, 2 * index);
            case I8 -> segment.get(ValueLayout.JAVA_BYTE, index);
            case U8, BOOL -> segment.get(ValueLayout.JAVA_BYTE, index) & 0xff;
            default -> throw new IllegalArgumentException(this + " is not an integer type");
        };
    }
}
