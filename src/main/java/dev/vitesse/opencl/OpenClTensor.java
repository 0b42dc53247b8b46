// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A part of a buffer. A view is another start in the same buffer, which kernels get as an argument: sub-buffers would
 * have to start at multiples of the device's alignment.
 */
final class OpenClTensor implements Tensor, Operand {
    private final @Nullable OpenClBuffer buffer;
    private final boolean owner;
    private final String name;
    private final ElementType type;
    private final long start;
    private final int[] shape;

    private OpenClTensor(
            @Nullable OpenClBuffer buffer, boolean owner, String name, ElementType type, long start, int... shape) {
        this.buffer = buffer;
        this.owner = owner;
        this.name = name;
        this.type = type;
        this.start = start;
        this.shape = shape;
    }

    static OpenClTensor create(OpenClRuntime runtime, String name, ElementType type, int... shape) {
        long bytes = Math.multiplyExact(Shapes.elements(shape), (long) type.bytes());
        return new OpenClTensor(runtime.allocate(name, bytes), true, name, type, 0, shape.clone());
    }

    /** Stands for {@code tensor}, whoever made it, in a plan that never runs. */
    static OpenClTensor planned(Tensor tensor) {
        return new OpenClTensor(null, false, tensor.name(), tensor.type(), 0, tensor.shape());
    }

    /**
     * The memory.
     *
     * @throws IllegalStateException if the tensor was only planned
     */
    OpenClBuffer buffer() {
        if (buffer == null) {
            throw new IllegalStateException("tensor " + name + " was only planned");
        }
        return buffer;
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
    public long start() {
        return start;
    }

    @Override
    public Tensor slice(int index) {
        Objects.checkIndex(index, shape[0]);
        int[] rest = Shapes.dropFirst(shape);
        return view("[" + index + "]", index * Shapes.elements(rest), rest);
    }

    @Override
    public Tensor rows(int first, int count) {
        Objects.checkFromIndexSize(first, count, shape[0]);
        long row = Shapes.elements(Shapes.dropFirst(shape));
        return view("[" + first + ":" + (first + count) + "]", first * row, Shapes.replaceFirst(count, shape));
    }

    @Override
    public Tensor reshape(int... newShape) {
        if (Shapes.elements(newShape) != elements()) {
            throw new IllegalArgumentException("cannot give " + describe() + " the shape " + Arrays.toString(newShape));
        }
        return view("", 0, newShape.clone());
    }

    private OpenClTensor view(String place, long offset, int... newShape) {
        return new OpenClTensor(buffer, false, name + place, type, start + offset, newShape);
    }

    @Override
    public void write(MemorySegment source) {
        requireSize(source);
        buffer().runtime().write(buffer().memory(), start * type.bytes(), source);
    }

    @Override
    public void read(MemorySegment target) {
        requireSize(target);
        buffer().runtime().read(buffer().memory(), start * type.bytes(), target);
    }

    private void requireSize(MemorySegment host) {
        if (host.byteSize() != byteSize()) {
            throw new IllegalArgumentException(
                    describe() + " has " + byteSize() + " bytes, but " + host.byteSize() + " were given");
        }
    }

    @Override
    public void close() {
        if (owner) {
            buffer().close();
        }
    }
}
