// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Program;
import dev.vitesse.reference.ReferenceBackend;
import dev.vitesse.reference.ReferenceTensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** Runs a case on a backend and checks its results against the reference; throws an {@link AssertionError}. */
public final class CaseRunner {
    /** More than this share of zeros in a result, and the case tests nothing. */
    private static final double VACUOUS = 0.9;

    private CaseRunner() {}

    /**
     * Records the case once, runs it twice on the same inputs, which must give the same bits, and once on others. Each
     * time every element must be within its tolerance, and inputs and guards unchanged.
     */
    public static void check(KernelCase kernelCase, Backend backend) {
        try (CaseTensors tensors = new CaseTensors(kernelCase, backend);
                Program program = record(kernelCase, tensors, backend)) {
            Map<String, double[]> inputs = inputs(kernelCase, 0);
            Map<String, int[]> first = run(tensors, program, inputs);
            compare(kernelCase, expected(kernelCase, inputs), first);
            Map<String, int[]> second = run(tensors, program, inputs);
            first.forEach((name, bits) -> {
                if (!Arrays.equals(bits, second.get(name))) {
                    throw new AssertionError(kernelCase.name() + ": two runs differ in " + name + " at index "
                            + Arrays.mismatch(bits, second.get(name)));
                }
            });
            Map<String, double[]> others = inputs(kernelCase, 1);
            compare(kernelCase, expected(kernelCase, others), run(tensors, program, others));
        }
    }

    /**
     * Runs the case once and checks its results, for sanitizers, under which a run takes a thousand times as long. Its
     * tensors and program stay open until the backend is closed: Oclgrind mistakes what it knew of a released buffer for
     * the next one's.
     */
    public static void checkOnce(KernelCase kernelCase, Backend backend) {
        CaseTensors tensors = new CaseTensors(kernelCase, backend);
        Program program = record(kernelCase, tensors, backend);
        Map<String, double[]> inputs = inputs(kernelCase, 0);
        compare(kernelCase, expected(kernelCase, inputs), run(tensors, program, inputs));
    }

    private static Program record(KernelCase kernelCase, CaseTensors tensors, Backend backend) {
        return backend.record(kernelCase.name(), k -> kernelCase.call().schedule(k, tensors.arguments()));
    }

    private static Map<String, int[]> run(CaseTensors tensors, Program program, Map<String, double[]> inputs) {
        tensors.write(inputs);
        program.run();
        return tensors.read();
    }

    /** Everything that a case reads, rounded to float32 so that both sides start from the same. */
    public static Map<String, double[]> inputs(KernelCase kernelCase, int round) {
        Map<String, double[]> values = new HashMap<>();
        for (Operand operand : kernelCase.operands()) {
            if (operand.role() == Operand.Role.INPUT || operand.role() == Operand.Role.UPDATED) {
                values.put(operand.name(), kernelCase.values(operand, round));
            }
        }
        if (kernelCase.prepare() != null) {
            Map<String, double[]> computed = reference(kernelCase, kernelCase.prepare(), values);
            for (Operand operand : kernelCase.operands()) {
                if (operand.role() == Operand.Role.PREPARED) {
                    values.put(operand.name(),
                            Arrays.stream(computed.get(operand.name())).map(x -> (float) x).toArray());
                }
            }
        }
        return values;
    }

    /** The results that the reference computes, unrounded. */
    public static Map<String, double[]> expected(KernelCase kernelCase, Map<String, double[]> inputs) {
        Map<String, double[]> expected = reference(kernelCase, kernelCase.call(), inputs);
        for (Operand operand : kernelCase.operands()) {
            double[] values = expected.get(operand.name());
            long zeros = Arrays.stream(values).filter(x -> x == 0).count();
            if (operand.isResult() && !operand.mayBeZero() && zeros > VACUOUS * values.length) {
                throw new AssertionError(kernelCase.name() + " tests nothing: " + zeros + " of " + values.length
                        + " expected elements of " + operand.name() + " are zero");
            }
        }
        return expected;
    }

    private static Map<String, double[]> reference(
            KernelCase kernelCase, KernelCase.Call call, Map<String, double[]> inputs) {
        Map<String, ReferenceTensor> tensors = new LinkedHashMap<>();
        try (ReferenceBackend backend = new ReferenceBackend()) {
            for (Operand operand : kernelCase.operands()) {
                ReferenceTensor tensor =
                        (ReferenceTensor) backend.tensor(operand.name(), operand.type(), operand.shape());
                if (inputs.containsKey(operand.name())) {
                    tensor.writeDoubles(inputs.get(operand.name()));
                }
                tensors.put(operand.name(), tensor);
            }
            KernelCase.Arguments arguments = new KernelCase.Arguments(new HashMap<>(tensors));
            backend.record(kernelCase.name(), k -> call.schedule(k, arguments)).run();
        }
        Map<String, double[]> values = new HashMap<>();
        tensors.forEach((name, tensor) -> values.put(name, tensor.toDoubles()));
        return values;
    }

    private static void compare(KernelCase kernelCase, Map<String, double[]> expected, Map<String, int[]> actual) {
        for (Operand operand : kernelCase.operands()) {
            if (!operand.isResult()) {
                continue;
            }
            double[] wanted = expected.get(operand.name());
            int[] bits = actual.get(operand.name());
            int wrong = 0;
            int first = -1;
            for (int i = 0; i < bits.length; i++) {
                if (!operand.tolerance().accepts(wanted[i], Float.intBitsToFloat(bits[i]))) {
                    first = wrong++ == 0 ? i : first;
                }
            }
            if (wrong > 0) {
                throw new AssertionError(String.format(
                        "%s: %d of %d elements of %s%s are wrong, the first at index %d: %.9g, expected %.9g (%s)",
                        kernelCase.name(), wrong, bits.length, operand.name(), Arrays.toString(operand.shape()), first,
                        Float.intBitsToFloat(bits[first]), wanted[first], operand.tolerance()));
            }
        }
    }
}
