// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.OptionalLong;
import java.util.function.Consumer;

/** Checks the arguments of every recorded call before the backend sees them. */
final class CheckedBackend implements Backend {
    private final Backend backend;

    CheckedBackend(Backend backend) {
        this.backend = backend;
    }

    @Override
    public String name() {
        return backend.name();
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        return backend.tensor(name, type, shape);
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        return backend.record(name, kernels -> body.accept(new CheckedKernels(kernels)));
    }

    @Override
    public long scratchBytes(Consumer<Kernels> body) {
        return backend.scratchBytes(body);
    }

    @Override
    public OptionalLong memoryBytes() {
        return backend.memoryBytes();
    }

    @Override
    public void close() {
        backend.close();
    }
}
