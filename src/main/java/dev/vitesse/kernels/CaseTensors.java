// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A case's operands on a backend. Each is a view inside a longer tensor whose ends are guards: filled with a NaN that no
 * arithmetic produces, so that a write beyond an operand changes them and a read beyond it spoils the result.
 */
public final class CaseTensors implements AutoCloseable {
    /** A quiet NaN with a payload of its own. */
    private static final int SENTINEL = 0x7fc5a5a5;

    private final KernelCase kernelCase;
    private final int guard;
    private final Map<String, Tensor> whole = new LinkedHashMap<>();
    private final Map<String, Tensor> views = new HashMap<>();
    private final Map<String, int[]> written = new HashMap<>();

    public CaseTensors(KernelCase kernelCase, Backend backend) {
        this.kernelCase = kernelCase;
        // Both aligned operands, which kernels may treat in a faster way, and others; a case always has the same.
        guard = kernelCase.name().hashCode() % 2 == 0 ? 64 : 67;
        for (Operand operand : kernelCase.argumentOperands()) {
            Tensor tensor = backend.tensor(operand.name(), operand.type(), guard + operand.elements() + guard);
            whole.put(operand.name(), tensor);
            views.put(operand.name(), tensor.rows(guard, operand.elements()).reshape(operand.shape()));
        }
    }

    public KernelCase.Arguments arguments() {
        return new KernelCase.Arguments(views);
    }

    /** Writes inputs and guards, and NaN to the outputs. */
    void write(Map<String, double[]> values) {
        for (Operand operand : kernelCase.argumentOperands()) {
            int[] bits = new int[guard + operand.elements() + guard];
            Arrays.fill(bits, SENTINEL);
            if (operand.role() != Operand.Role.OUTPUT) {
                double[] source = values.get(operand.name());
                for (int i = 0; i < source.length; i++) {
                    bits[guard + i] = operand.type() == ElementType.INT32
                            ? (int) source[i]
                            : Float.floatToRawIntBits((float) source[i]);
                }
            }
            whole.get(operand.name()).write(bits);
            written.put(operand.name(), bits);
        }
    }

    /** The results as bits, after a check that guards and inputs are as they were written. */
    Map<String, int[]> read() {
        Map<String, int[]> results = new LinkedHashMap<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            int[] bits = new int[guard + operand.elements() + guard];
            whole.get(operand.name()).read(MemorySegment.ofArray(bits));
            int[] before = written.get(operand.name());
            for (int i = 0; i < bits.length; i++) {
                boolean inside = i >= guard && i < guard + operand.elements();
                if (bits[i] != before[i] && !(inside && operand.isResult())) {
                    throw new AssertionError(String.format(
                            "%s: %s was written at index %d, %s (0x%08x became 0x%08x)",
                            kernelCase.name(), operand.name(), i - guard,
                            inside ? "but it is an input" : "outside its " + operand.elements() + " elements",
                            before[i], bits[i]));
                }
            }
            if (operand.isResult()) {
                results.put(operand.name(), Arrays.copyOfRange(bits, guard, guard + operand.elements()));
            }
        }
        return results;
    }

    @Override
    public void close() {
        whole.values().forEach(Tensor::close);
    }
}
