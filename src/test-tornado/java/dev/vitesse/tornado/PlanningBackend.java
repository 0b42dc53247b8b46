// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.function.Consumer;

/** Tensors on the host, for recordings that somebody else runs or nobody; needs no TornadoVM. */
class PlanningBackend implements Backend {
    private final DeviceMemory memory;

    PlanningBackend(DeviceMemory memory) {
        this.memory = memory;
    }

    @Override
    public String name() {
        return "planning";
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        return TornadoTensor.create(memory, name, type, shape);
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void close() {
        memory.close();
    }
}
