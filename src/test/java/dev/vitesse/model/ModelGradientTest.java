// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.reference.ReferenceBackend;
import dev.vitesse.reference.ReferenceTensor;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The model's own derivative against central differences in double precision: every parameter, every pixel. */
class ModelGradientTest {
    private static final double STEP = 1e-5;

    /** The share of a tensor's largest derivative by which one may be off. */
    private static final double TOLERANCE = 1e-6;

    static Stream<String> models() {
        return TinyModels.all().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("models")
    void agreesWithFiniteDifferences(String name) {
        try (ReferenceBackend backend = new ReferenceBackend();
                ModelPass pass = new ModelPass(TinyModels.all().get(name), backend)) {
            pass.run();
            pass.variables().forEach((variable, tensor) -> {
                double[] gradient = ((ReferenceTensor) pass.gradients().get(variable)).toDoubles();
                double[] expected = differences(pass, (ReferenceTensor) tensor);
                double largest = Arrays.stream(expected).map(Math::abs).max().orElseThrow();
                assertThat(gradient).as("gradient of %s", variable)
                        .containsExactly(expected, within(TOLERANCE * Math.max(largest, 1e-3)));
            });
        }
    }

    private static double[] differences(ModelPass pass, ReferenceTensor variable) {
        double[] values = variable.toDoubles();
        double[] differences = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            double value = values[i];
            values[i] = value + STEP;
            double above = loss(pass, variable, values);
            values[i] = value - STEP;
            double below = loss(pass, variable, values);
            values[i] = value;
            differences[i] = (above - below) / (2 * STEP);
        }
        variable.writeDoubles(values);
        return differences;
    }

    private static double loss(ModelPass pass, ReferenceTensor variable, double[] values) {
        variable.writeDoubles(values);
        pass.forward.run();
        return ((ReferenceTensor) pass.metrics()).toDoubles()[0];
    }
}
