// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;

/**
 * A tensor whose FLOAT32 elements are kept as doubles, so that finite differences mean something: {@link #write} and
 * {@link #read} convert from and to float32, {@link #writeDoubles} and {@link #toDoubles} do not. Views share the array.
 */
public final class ReferenceTensor implements Tensor {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String name;
    private final ElementType type;
    private final int[] shape;
    /** The elements; those of an INT32 tensor too, which a double represents exactly. */
    private final double[] array;

    private final int offset;

    private ReferenceTensor(String name, ElementType type, double[] array, int offset, int... shape) {
        this.name = name;
        this.type = type;
        this.array = array;
        this.offset = offset;
        this.shape = shape;
    }

    static ReferenceTensor create(String name, ElementType type, int... shape) {
        double[] array = new double[Math.toIntExact(Shapes.elements(shape))];
        return new ReferenceTensor(name, type, array, 0, shape.clone());
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

    @Override
    public ReferenceTensor slice(int index) {
        Objects.checkIndex(index, shape[0]);
        int[] entry = Shapes.dropFirst(shape);
        int start = offset + index * (int) Shapes.elements(entry);
        return new ReferenceTensor(name + "[" + index + "]", type, array, start, entry);
    }

    @Override
    public ReferenceTensor rows(int first, int count) {
        Objects.checkFromIndexSize(first, count, shape[0]);
        int start = offset + first * (int) Shapes.elements(Shapes.dropFirst(shape));
        return new ReferenceTensor(
                name + "[" + first + ":" + (first + count) + "]", type, array, start, Shapes.replaceFirst(count, shape));
    }

    @Override
    public ReferenceTensor reshape(int... other) {
        if (Shapes.elements(other) != elements()) {
            throw new IllegalArgumentException(describe() + " cannot have the shape " + Arrays.toString(other));
        }
        return new ReferenceTensor(name, type, array, offset, other.clone());
    }

    @Override
    public void write(MemorySegment source) {
        checkSize("write", source);
        for (int i = 0; i < elements(); i++) {
            array[offset + i] = type == ElementType.INT32 ? source.getAtIndex(INT, i) : source.getAtIndex(FLOAT, i);
        }
    }

    @Override
    public void read(MemorySegment target) {
        checkSize("read", target);
        for (int i = 0; i < elements(); i++) {
            if (type == ElementType.INT32) {
                target.setAtIndex(INT, i, getInt(i));
            } else {
                target.setAtIndex(FLOAT, i, (float) get(i));
            }
        }
    }

    private void checkSize(String operation, MemorySegment segment) {
        if (segment.byteSize() != byteSize()) {
            throw new IllegalArgumentException(operation + " of " + describe() + ": " + segment.byteSize()
                    + " bytes given, the tensor has " + byteSize());
        }
    }

    /** Sets every element, unrounded. */
    public void writeDoubles(double... source) {
        if (source.length != elements()) {
            throw new IllegalArgumentException(source.length + " elements given for " + describe());
        }
        System.arraycopy(source, 0, array, offset, source.length);
    }

    /** A copy of the elements, unrounded. */
    public double[] toDoubles() {
        return Arrays.copyOfRange(array, offset, offset + (int) elements());
    }

    @Override
    public void close() {}

    /** All leading axes taken as one: [..., D] as [rows, D]. */
    ReferenceTensor matrix() {
        int columns = dim(-1);
        return reshape((int) (elements() / columns), columns);
    }

    /** Element {@code i} in memory order. */
    double get(int i) {
        return array[offset + i];
    }

    double get(int i, int j) {
        return array[offset + i * shape[1] + j];
    }

    double get(int i, int j, int k) {
        return array[offset + (i * shape[1] + j) * shape[2] + k];
    }

    double get(int i, int j, int k, int l) {
        return array[offset + ((i * shape[1] + j) * shape[2] + k) * shape[3] + l];
    }

    int getInt(int i) {
        return (int) array[offset + i];
    }

    void set(double value, int i) {
        array[offset + i] = value;
    }

    void set(double value, int i, int j) {
        array[offset + i * shape[1] + j] = value;
    }

    void set(double value, int i, int j, int k) {
        array[offset + (i * shape[1] + j) * shape[2] + k] = value;
    }

    void set(double value, int i, int j, int k, int l) {
        array[offset + ((i * shape[1] + j) * shape[2] + k) * shape[3] + l] = value;
    }

    void add(double value, int i, int j) {
        array[offset + i * shape[1] + j] += value;
    }

    void add(double value, int i, int j, int k) {
        array[offset + (i * shape[1] + j) * shape[2] + k] += value;
    }

    void fill(double value) {
        Arrays.fill(array, offset, offset + (int) elements(), value);
    }
}
