// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Stands in for a backend to find out how much memory something needs there before any of it is allocated: tensors have
 * shapes only, programs compute nothing, and what both would hold is added up.
 */
public final class MemoryPlan implements Backend {
    private final @Nullable Backend backend;
    private long byteSize;

    /**
     * @param backend where the memory would be needed, stays open; null for no device in particular, when what programs
     *     hold besides their tensors is left out
     */
    public MemoryPlan(@Nullable Backend backend) {
        this.backend = backend;
    }

    /** Bytes of everything that was made so far, closed or not: tensors and the programs' intermediate values. */
    public long byteSize() {
        return byteSize;
    }

    @Override
    public String name() {
        return backend == null ? "plan" : backend.name();
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        Tensor tensor = new Shape(name, type, shape.clone());
        byteSize = Math.addExact(byteSize, Math.multiplyExact(tensor.elements(), (long) type.bytes()));
        return tensor;
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        byteSize = Math.addExact(byteSize, scratchBytes(body));
        return new Nothing();
    }

    @Override
    public long scratchBytes(Consumer<Kernels> body) {
        return backend == null ? 0 : backend.scratchBytes(body);
    }

    @Override
    public void close() {}

    private record Nothing() implements Program {
        @Override
        public void run() {}

        @Override
        public void close() {}
    }

    /** A tensor without elements; what is written to it is forgotten. */
    private record Shape(String name, ElementType type, int... shape) implements Tensor {
        @Override
        public Tensor slice(int index) {
            Objects.checkIndex(index, shape[0]);
            return new Shape(name, type, Shapes.dropFirst(shape));
        }

        @Override
        public Tensor rows(int first, int count) {
            Objects.checkFromIndexSize(first, count, shape[0]);
            return new Shape(name, type, Shapes.replaceFirst(count, shape));
        }

        @Override
        public Tensor reshape(int... newShape) {
            return new Shape(name, type, newShape.clone());
        }

        @Override
        public void write(MemorySegment source) {}

        @Override
        public void read(MemorySegment target) {
            throw new UnsupportedOperationException(name + " was only planned");
        }

        @Override
        public void close() {}
    }
}
