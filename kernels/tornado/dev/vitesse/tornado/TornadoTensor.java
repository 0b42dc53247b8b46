// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/** An allocation, or a view of one: another start in the same array. */
final class TornadoTensor implements Tensor {
    private final Allocation allocation;
    private final boolean owner;
    private final String name;
    private final int start;
    private final int[] shape;

    private TornadoTensor(Allocation allocation, boolean owner, String name, int start, int... shape) {
        this.allocation = allocation;
        this.owner = owner;
        this.name = name;
        this.start = start;
        this.shape = shape;
    }

    static TornadoTensor create(DeviceMemory memory, String name, ElementType type, int... shape) {
        Allocation allocation = memory.allocate(name, type, Shapes.elements(shape));
        return new TornadoTensor(allocation, true, name, allocation.start(), shape.clone());
    }

    Allocation allocation() {
        return allocation;
    }

    /** The first element's index in the array of all tensors of this type. */
    int start() {
        return start;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ElementType type() {
        return allocation.type();
    }

    @Override
    public int[] shape() {
        return shape;
    }

    @Override
    public Tensor slice(int index) {
        Objects.checkIndex(index, shape[0]);
        int[] entry = Shapes.dropFirst(shape);
        return view("[" + index + "]", index * (int) Shapes.elements(entry), entry);
    }

    @Override
    public Tensor rows(int first, int count) {
        Objects.checkFromIndexSize(first, count, shape[0]);
        int row = (int) Shapes.elements(Shapes.dropFirst(shape));
        return view("[" + first + ":" + (first + count) + "]", first * row, Shapes.replaceFirst(count, shape));
    }

    @Override
    public Tensor reshape(int... other) {
        if (Shapes.elements(other) != elements()) {
            throw new IllegalArgumentException(describe() + " cannot have the shape " + Arrays.toString(other));
        }
        return view("", 0, other.clone());
    }

    private TornadoTensor view(String place, int offset, int... viewShape) {
        return new TornadoTensor(allocation, false, name + place, start + offset, viewShape);
    }

    @Override
    public void write(MemorySegment source) {
        check("write", source);
        allocation.memory().write(type(), start, source);
    }

    @Override
    public void read(MemorySegment target) {
        check("read", target);
        allocation.memory().read(type(), start, target);
    }

    private void check(String operation, MemorySegment segment) {
        allocation.checkOpen();
        if (segment.byteSize() != byteSize()) {
            throw new IllegalArgumentException(operation + " of " + describe() + ": " + segment.byteSize()
                    + " bytes given, the tensor has " + byteSize());
        }
    }

    @Override
    public void close() {
        if (owner) {
            allocation.close();
        }
    }
}
