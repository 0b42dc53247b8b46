// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.onnx;

import dev.vitesse.backend.Shapes;
import dev.vitesse.io.AtomicFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * A graph of ONNX operations in the making, and the file format: field numbers are those of onnx.proto3. Weights are read
 * one at a time while the file is written.
 */
final class OnnxGraph {
    /** The first version with LayerNormalization. */
    static final int OPSET = 17;

    private static final int IR_VERSION = 8;

    /** Protocol buffers end here. */
    private static final long MAX_BYTES = Integer.MAX_VALUE;

    private static final int FLOAT = 1;
    private static final int INT64 = 7;
    private static final int ATTRIBUTE_FLOAT = 1;
    private static final int ATTRIBUTE_INT = 2;
    private static final int ATTRIBUTE_INTS = 7;
    private static final int GRAPH = 7;
    private static final int INITIALIZER = 5;
    private static final int RAW_DATA = 9;

    private final Message nodes = new Message();
    private final List<Initializer> initializers = new ArrayList<>();
    private int count;

    /** A weight or constant; {@code bytes} is its size. */
    private record Initializer(Message header, long bytes, Supplier<ByteBuffer> values) {}

    /** An attribute of an operation. */
    record Attribute(String name, Object value) {
        private Message message() {
            Message message = new Message().add(1, name);
            switch (value) {
                case Float f -> message.add(2, f.floatValue()).add(20, ATTRIBUTE_FLOAT);
                case Integer i -> message.add(3, i.longValue()).add(20, ATTRIBUTE_INT);
                case long[] ints -> {
                    for (long i : ints) {
                        message.add(8, i);
                    }
                    message.add(20, ATTRIBUTE_INTS);
                }
                default -> throw new IllegalArgumentException("no attribute: " + value);
            }
            return message;
        }
    }

    /** Adds an operation with one output; returns that output's name. */
    String node(String type, List<String> inputs, Attribute... attributes) {
        String output = type.toLowerCase(Locale.ROOT) + "_" + count++;
        node(type, inputs, List.of(output), attributes);
        return output;
    }

    void node(String type, List<String> inputs, List<String> outputs, Attribute... attributes) {
        Message node = new Message();
        inputs.forEach(input -> node.add(1, input));
        outputs.forEach(output -> node.add(2, output));
        node.add(3, outputs.getFirst()).add(4, type);
        for (Attribute attribute : attributes) {
            node.add(5, attribute.message());
        }
        nodes.add(1, node);
    }

    /** Adds float32 values, read when the file is written; returns {@code name}. */
    String weight(String name, Supplier<float[]> values, int... shape) {
        long bytes = Math.multiplyExact(Shapes.elements(shape), Float.BYTES);
        return add(name, FLOAT, shape, bytes, () -> {
            float[] elements = values.get();
            ByteBuffer buffer = buffer(Math.multiplyExact(elements.length, Float.BYTES));
            buffer.asFloatBuffer().put(elements);
            return buffer;
        });
    }

    String constant(float value) {
        return weight("constant_" + count++, () -> new float[] {value});
    }

    /** A vector of integers, as the shape or index operations take them. */
    String integers(long... values) {
        ByteBuffer buffer = buffer(values.length * Long.BYTES);
        buffer.asLongBuffer().put(values);
        return add("constant_" + count++, INT64, new int[] {values.length}, buffer.capacity(), buffer::duplicate);
    }

    /** One integer, without axes. */
    String scalar(long value) {
        ByteBuffer buffer = buffer(Long.BYTES);
        buffer.putLong(0, value);
        return add("constant_" + count++, INT64, new int[0], Long.BYTES, buffer::duplicate);
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private String add(String name, int type, int[] shape, long bytes, Supplier<ByteBuffer> values) {
        Message header = new Message();
        for (int size : shape) {
            header.add(1, size);
        }
        initializers.add(new Initializer(header.add(2, type).add(8, name).addHeader(RAW_DATA, bytes), bytes, values));
        return name;
    }

    /** An input or output of the graph: float32, the first axis of any length, then {@code shape}. */
    static Message value(String name, int... shape) {
        Message sizes = new Message().add(1, new Message().add(2, "batch"));
        for (int size : shape) {
            sizes.add(1, new Message().add(1, size));
        }
        Message tensor = new Message().add(1, FLOAT).add(2, sizes);
        return new Message().add(1, name).add(2, new Message().add(1, tensor));
    }

    /**
     * Writes the model in one step; see {@link AtomicFiles}.
     *
     * @throws IllegalArgumentException if it is larger than a protocol buffer may be
     */
    void write(Path path, Message input, Message output, Map<String, String> metadata) throws IOException {
        Message rest = new Message().add(2, "vit").add(11, input).add(12, output);
        long graphBytes = (long) nodes.size() + rest.size();
        for (Initializer initializer : initializers) {
            long bytes = initializer.header().size() + initializer.bytes();
            graphBytes += new Message().addHeader(INITIALIZER, bytes).size() + bytes;
        }
        if (graphBytes > MAX_BYTES - (1 << 20)) {
            throw new IllegalArgumentException("the model takes " + graphBytes + " bytes; an ONNX file of one piece ends"
                    + " at 2 GB");
        }
        Message head = new Message().add(1, IR_VERSION).add(2, "vitesse")
                .add(8, new Message().add(1, "").add(2, OPSET));
        metadata.forEach((key, value) -> head.add(14, new Message().add(1, key).add(2, value)));
        head.addHeader(GRAPH, graphBytes);
        AtomicFiles.write(path, channel -> {
            write(channel, head.toBytes());
            write(channel, nodes.toBytes());
            write(channel, rest.toBytes());
            for (Initializer initializer : initializers) {
                long bytes = initializer.header().size() + initializer.bytes();
                write(channel, new Message().addHeader(INITIALIZER, bytes).toBytes());
                write(channel, initializer.header().toBytes());
                AtomicFiles.writeFully(channel, initializer.values().get());
            }
        });
    }

    private static void write(FileChannel channel, byte[] bytes) throws IOException {
        AtomicFiles.writeFully(channel, ByteBuffer.wrap(bytes));
    }
}
