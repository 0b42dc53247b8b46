// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Program;
import java.util.List;

/** Operations that are done one after the other. */
final class CpuProgram implements Program {
    /**
     * @param name of the method of {@link dev.vitesse.backend.Kernels}
     * @param outputs what it writes
     * @param body does it
     */
    record Operation(String name, List<CpuBuffer> outputs, Runnable body) {}

    private final CpuBackend backend;
    private final String name;
    private Operation[] operations;
    private boolean closed;

    CpuProgram(CpuBackend backend, String name, List<Operation> operations) {
        this.backend = backend;
        this.name = name;
        this.operations = operations.toArray(Operation[]::new);
    }

    @Override
    public void run() {
        backend.checkOpen();
        if (closed) {
            throw new IllegalStateException("program '" + name + "' is closed");
        }
        for (Operation operation : operations) {
            operation.body().run();
            List<CpuBuffer> outputs = operation.outputs();
            for (int i = 0; i < outputs.size(); i++) {
                outputs.get(i).changed();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        operations = new Operation[0];
    }
}
