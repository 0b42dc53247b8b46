// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/** A heap array, or the part of one that begins at {@link #offset}. */
final class CpuTensor implements Tensor {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final CpuBuffer buffer;
    private final String name;
    private final ElementType type;
    private final int offset;
    private final int[] shape;
    private final boolean view;

    /** A tensor with memory of its own. */
    CpuTensor(CpuBackend owner, String name, ElementType type, int... shape) {
        this(new CpuBuffer(owner, name, type, Shapes.elements(shape)), name, type, 0, false, shape.clone());
    }

    private CpuTensor(CpuBuffer buffer, String name, ElementType type, int offset, boolean view, int... shape) {
        this.buffer = buffer;
        this.name = name;
        this.type = type;
        this.offset = offset;
        this.view = view;
        this.shape = shape;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ElementType type() {
        return type;
    }

    @Override
    public int[] shape() {
        return shape;
    }

    CpuBuffer buffer() {
        return buffer;
    }

    /** The array, of which this tensor's part begins at {@link #offset}. */
    float[] floats() {
        return buffer.floats();
    }

    /** Likewise of an INT32 tensor. */
    int[] ints() {
        return buffer.ints();
    }

    /** Index of the first element. */
    int offset() {
        return offset;
    }

    /**
     * This weight matrix in panels, see {@link CpuBuffer#packed}; a rank above 2 is flattened to [first axis, rest].
     */
    PackedWeight packed(boolean transposed) {
        int rows = shape[0];
        return buffer.packed(offset, rows, rows == 0 ? 0 : size() / rows, transposed);
    }

    /** The number of elements, which an array can index. */
    int size() {
        return (int) elements();
    }

    /** The number of rows along the last axis. */
    int rowCount() {
        return shape.length == 0 || dim(-1) == 0 ? 0 : size() / dim(-1);
    }

    @Override
    public CpuTensor slice(int index) {
        Objects.checkIndex(index, shape[0]);
        int[] rest = Shapes.dropFirst(shape);
        return view("[" + index + "]", index * Math.toIntExact(Shapes.elements(rest)), rest);
    }

    @Override
    public CpuTensor rows(int first, int count) {
        Objects.checkFromIndexSize(first, count, shape[0]);
        int row = Math.toIntExact(Shapes.elements(Shapes.dropFirst(shape)));
        return view("[" + first + ".." + (first + count) + ")", first * row, Shapes.replaceFirst(count, shape));
    }

    @Override
    public CpuTensor reshape(int... newShape) {
        if (Shapes.elements(newShape) != elements()) {
            throw new IllegalArgumentException(describe() + " cannot have the shape " + Arrays.toString(newShape));
        }
        return view("", 0, newShape.clone());
    }

    private CpuTensor view(String suffix, int start, int... newShape) {
        return new CpuTensor(buffer, name + suffix, type, offset + start, true, newShape);
    }

    @Override
    public void write(MemorySegment source) {
        checkSize("source", source);
        switch (type) {
            case FLOAT32 -> MemorySegment.copy(source, FLOAT, 0, floats(), offset, size());
            case INT32 -> MemorySegment.copy(source, INT, 0, ints(), offset, size());
        }
        buffer.changed();
    }

    @Override
    public void read(MemorySegment target) {
        checkSize("target", target);
        switch (type) {
            case FLOAT32 -> MemorySegment.copy(floats(), offset, target, FLOAT, 0, size());
            case INT32 -> MemorySegment.copy(ints(), offset, target, INT, 0, size());
        }
    }

    private void checkSize(String argument, MemorySegment segment) {
        if (segment.byteSize() != byteSize()) {
            throw new IllegalArgumentException(
                    describe() + " has " + byteSize() + " bytes; the " + argument + " has " + segment.byteSize());
        }
    }

    @Override
    public void close() {
        if (!view) {
            buffer.close();
        }
    }

    @Override
    public String toString() {
        return describe();
    }
}
