// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A dense, row-major array in a device's memory, or a view of a contiguous part of one.
 *
 * <p>A backend owns the memory of the tensors it made and releases it when it is closed; {@link #close()} on a tensor
 * made by {@link Backend#tensor} releases it earlier. Closing a view does nothing. Layers' parameters and activations
 * are views of one tensor with a leading depth axis (a <em>slab</em>), so that a backend which compiles per buffer can
 * compile one layer and run it for all.
 */
public interface Tensor extends AutoCloseable {
    /** The name given at creation, for messages and traces; a view adds where it lies. */
    String name();

    ElementType type();

    /** The sizes of the axes, outermost first. The caller must not change the array. */
    int[] shape();

    /**
     * The entry {@code index} of the first axis as a tensor with one axis less, sharing this tensor's memory.
     *
     * @throws IndexOutOfBoundsException if the first axis is not longer than {@code index}
     */
    Tensor slice(int index);

    /**
     * The entries {@code first} to {@code first + count - 1} of the first axis, sharing this tensor's memory.
     *
     * @throws IndexOutOfBoundsException if the first axis has fewer entries
     */
    Tensor rows(int first, int count);

    /**
     * The same elements under another shape, sharing this tensor's memory.
     *
     * @throws IllegalArgumentException if the number of elements differs
     */
    Tensor reshape(int... shape);

    /**
     * Copies {@code source}, which holds exactly {@link #byteSize()} little-endian bytes, into the tensor and waits
     * until it is there. Programs that already run see either all or nothing of it.
     */
    void write(MemorySegment source);

    /** Waits for what was run so far and copies the tensor into {@code target}, exactly {@link #byteSize()} bytes. */
    void read(MemorySegment target);

    @Override
    void close();

    /** The number of elements. */
    default long elements() {
        return Shapes.elements(shape());
    }

    default long byteSize() {
        return elements() * type().bytes();
    }

    /** The size of axis {@code axis}; negative counts from the last. */
    default int dim(int axis) {
        int[] shape = shape();
        return shape[axis < 0 ? shape.length + axis : axis];
    }

    default void write(float[] source) {
        write(MemorySegment.ofArray(source));
    }

    default void write(int[] source) {
        write(MemorySegment.ofArray(source));
    }

    default void read(float[] target) {
        read(MemorySegment.ofArray(target));
    }

    /** A copy of the elements on the heap. */
    default float[] toFloats() {
        float[] target = new float[Math.toIntExact(elements())];
        read(target);
        return target;
    }

    /** Name, type and shape, as messages show them: {@code logits FLOAT32[128, 10]}. */
    default String describe() {
        return name() + " " + type() + Arrays.toString(shape());
    }
}
