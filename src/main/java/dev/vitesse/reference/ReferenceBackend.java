// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Executes {@link ReferenceKernels} on the calling thread. Its tensors are on the heap: there is nothing to release. */
public final class ReferenceBackend implements Backend {
    @Override
    public String name() {
        return "reference (float64)";
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        return ReferenceTensor.create(name, type, shape);
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        List<Runnable> operations = new ArrayList<>();
        body.accept(new ReferenceKernels(operations));
        return new Recording(List.copyOf(operations));
    }

    @Override
    public void close() {}

    private record Recording(List<Runnable> operations) implements Program {
        @Override
        public void run() {
            operations.forEach(Runnable::run);
        }

        @Override
        public void close() {}
    }
}
