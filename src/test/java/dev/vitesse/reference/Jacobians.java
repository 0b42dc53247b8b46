// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/**
 * Compares an operation's whole Jacobian, row by row what its backward operation makes of a unit vector, with central
 * differences of its forward operation.
 */
final class Jacobians {
    private static final double STEP = 1e-5;
    private static final double TOLERANCE = 1e-8;

    private final ReferenceBackend backend = new ReferenceBackend();
    private final SplittableRandom random = new SplittableRandom(1);
    private final Map<ReferenceTensor, ReferenceTensor> gradients = new LinkedHashMap<>();

    /** A tensor without values yet. */
    ReferenceTensor tensor(String name, int... shape) {
        return (ReferenceTensor) backend.tensor(name, shape);
    }

    /** A tensor of random numbers between -1 and 1. */
    ReferenceTensor random(String name, int... shape) {
        ReferenceTensor tensor = tensor(name, shape);
        tensor.writeDoubles(random.doubles(tensor.elements(), -1, 1).toArray());
        return tensor;
    }

    ReferenceTensor ints(String name, int... values) {
        ReferenceTensor tensor = (ReferenceTensor) backend.tensor(name, ElementType.INT32, values.length);
        tensor.write(values);
        return tensor;
    }

    /** A tensor for the gradient with respect to {@code variable}, which {@link #check} will compare. */
    ReferenceTensor gradient(ReferenceTensor variable) {
        ReferenceTensor gradient = tensor("d" + variable.name(), variable.shape());
        gradients.put(variable, gradient);
        return gradient;
    }

    /** For all that {@link #gradient} was asked for; {@code dOutput} is what {@code backward} starts from. */
    void check(
            ReferenceTensor output, ReferenceTensor dOutput, Consumer<Kernels> forward, Consumer<Kernels> backward) {
        Program forwardProgram = backend.record("forward", forward);
        Program backwardProgram = backend.record("backward", backward);
        Map<ReferenceTensor, double[][]> expected = new LinkedHashMap<>();
        gradients.keySet().forEach(variable -> expected.put(variable, differences(forwardProgram, output, variable)));
        forwardProgram.run();
        for (int row = 0; row < output.elements(); row++) {
            double[] unit = new double[(int) output.elements()];
            unit[row] = 1;
            dOutput.writeDoubles(unit);
            backwardProgram.run();
            for (Map.Entry<ReferenceTensor, ReferenceTensor> entry : gradients.entrySet()) {
                assertClose("derivative of element " + row + " by " + entry.getKey().name(),
                        expected.get(entry.getKey())[row], entry.getValue().toDoubles());
            }
        }
    }

    /** By output element, then by the variable's. */
    double[][] differences(Program forward, ReferenceTensor output, ReferenceTensor variable) {
        double[] values = variable.toDoubles();
        double[][] differences = new double[(int) output.elements()][values.length];
        for (int i = 0; i < values.length; i++) {
            double value = values[i];
            double[] above = run(forward, output, variable, values, i, value + STEP);
            double[] below = run(forward, output, variable, values, i, value - STEP);
            values[i] = value;
            for (int row = 0; row < above.length; row++) {
                differences[row][i] = (above[row] - below[row]) / (2 * STEP);
            }
        }
        variable.writeDoubles(values);
        return differences;
    }

    private static double[] run(
            Program forward, ReferenceTensor output, ReferenceTensor variable, double[] values, int i, double value) {
        values[i] = value;
        variable.writeDoubles(values);
        forward.run();
        return output.toDoubles();
    }

    static void assertClose(String what, double[] expected, double[] actual) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
        assertThat(actual).as(what).containsExactly(expected, within(TOLERANCE * Math.max(1, largest)));
    }

    Program record(Consumer<Kernels> body) {
        return backend.record("program", body);
    }
}
