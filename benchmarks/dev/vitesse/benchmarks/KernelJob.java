// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.Operand;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;

/** One call of an operation; its operands stay on the device. */
final class KernelJob implements Job {
    private final KernelCase kernelCase;
    private final Inputs inputs;
    private final Map<String, Tensor> tensors = new HashMap<>();
    private final Program program;
    /** One element of a result: reading it waits for all that was run. */
    private final Tensor probe;
    private final float[] probed = new float[1];

    KernelJob(KernelCase kernelCase, Backend backend, Inputs inputs) {
        this.kernelCase = kernelCase;
        this.inputs = inputs;
        for (Operand operand : kernelCase.argumentOperands()) {
            tensors.put(operand.name(), backend.tensor(operand.name(), operand.type(), operand.shape()));
        }
        writeInputs();
        program = backend.record(kernelCase.op(), k -> kernelCase.call().schedule(k, new KernelCase.Arguments(tensors)));
        Operand result = kernelCase.argumentOperands().stream().filter(Operand::isResult).findFirst().orElseThrow();
        probe = tensors.get(result.name()).reshape(result.elements()).rows(0, 1);
    }

    private void writeInputs() {
        for (Operand operand : kernelCase.argumentOperands()) {
            if (operand.role() != Operand.Role.OUTPUT) {
                tensors.get(operand.name()).write(inputs.read(operand.name()));
            }
        }
    }

    @Override
    public void run() {
        program.run();
    }

    @Override
    public void await() {
        probe.read(probed);
    }

    @Override
    public OptionalLong deviceNanos() {
        return program.runTimed();
    }

    @Override
    public Map<String, int[]> answer() {
        writeInputs();
        program.run();
        Map<String, int[]> results = new LinkedHashMap<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            if (operand.isResult()) {
                int[] bits = new int[operand.elements()];
                tensors.get(operand.name()).read(MemorySegment.ofArray(bits));
                results.put(operand.name(), bits);
            }
        }
        return results;
    }

    @Override
    public void close() {
        program.close();
        tensors.values().forEach(Tensor::close);
    }
}
