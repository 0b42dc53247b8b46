// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.Consumer;

/** How much device memory a model needs, found by allocating it on a device that only counts. */
public final class MemoryNeed {
    private MemoryNeed() {}

    /** Bytes of the weights, and of what little the model keeps beside them. */
    public static long ofWeights(VitConfig config) {
        Counter counter = new Counter();
        new Parameters(counter, config, "");
        return counter.bytes;
    }

    /** Bytes that inference on {@code batch} images needs beside the weights; backends may add scratch of their own. */
    public static long ofInference(VitConfig config, int batch) {
        Counter counter = new Counter();
        new Activations(counter, config, batch, Activations.Purpose.INFERENCE);
        return counter.bytes;
    }

    private static final class Counter implements Backend {
        private long bytes;

        @Override
        public String name() {
            return "counter";
        }

        @Override
        public Tensor tensor(String name, ElementType type, int... shape) {
            Tensor tensor = new Counted(name, type, shape);
            bytes += tensor.byteSize();
            return tensor;
        }

        @Override
        public Program record(String name, Consumer<Kernels> body) {
            throw new UnsupportedOperationException("it only counts");
        }

        @Override
        public void close() {}
    }

    /** A tensor without memory. */
    private record Counted(String name, ElementType type, int[] shape) implements Tensor {
        @Override
        public Tensor slice(int index) {
            return new Counted(name, type, Shapes.dropFirst(shape));
        }

        @Override
        public Tensor rows(int first, int count) {
            return new Counted(name, type, Shapes.replaceFirst(count, shape));
        }

        @Override
        public Tensor reshape(int... to) {
            return new Counted(name, type, Arrays.copyOf(to, to.length));
        }

        @Override
        public void write(MemorySegment source) {}

        @Override
        public void read(MemorySegment target) {}

        @Override
        public void close() {}
    }
}
