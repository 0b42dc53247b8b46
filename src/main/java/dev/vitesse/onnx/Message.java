// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.onnx;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** A message in protocol buffers' wire format: fields in the order in which they were added. */
final class Message {
    private static final int VARINT = 0;
    private static final int LENGTH_DELIMITED = 2;
    private static final int FIXED32 = 5;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    Message add(int field, long value) {
        tag(field, VARINT);
        varint(value);
        return this;
    }

    Message add(int field, float value) {
        tag(field, FIXED32);
        bytes.writeBytes(ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN).putFloat(value).array());
        return this;
    }

    Message add(int field, String text) {
        return add(field, text.getBytes(StandardCharsets.UTF_8));
    }

    Message add(int field, Message message) {
        return add(field, message.toBytes());
    }

    Message add(int field, byte[] value) {
        return addHeader(field, value.length).addRaw(value);
    }

    /** Announces a field of {@code length} bytes that follow later. */
    Message addHeader(int field, long length) {
        tag(field, LENGTH_DELIMITED);
        varint(length);
        return this;
    }

    private Message addRaw(byte[] value) {
        bytes.writeBytes(value);
        return this;
    }

    private void tag(int field, int type) {
        varint((long) field << 3 | type);
    }

    /** Seven bits a byte, the lowest first; the eighth bit says that more follow. */
    private void varint(long value) {
        long rest = value;
        while ((rest & ~0x7fL) != 0) {
            bytes.write((int) (rest & 0x7f | 0x80));
            rest >>>= 7;
        }
        bytes.write((int) rest);
    }

    int size() {
        return bytes.size();
    }

    byte[] toBytes() {
        return bytes.toByteArray();
    }
}
