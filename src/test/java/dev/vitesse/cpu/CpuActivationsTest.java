// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Activation;
import java.util.function.DoubleUnaryOperator;
import org.apache.commons.math3.special.Erf;
import org.junit.jupiter.api.Test;

/** Accuracy on a grid over the interesting range and far into the tails, lengths that leave part of a vector over. */
class CpuActivationsTest {
    private static final double TOLERANCE = 4e-6;
    private static final int COUNT = 20_001;
    private static final double REACH = 12;

    @Test
    void geluIsExact() {
        checkValue(Activation.GELU, x -> x * phi(x));
        checkDerivative(Activation.GELU, x -> phi(x) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI));
    }

    @Test
    void geluTanhFollowsItsFormula() {
        DoubleUnaryOperator u = x -> Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        checkValue(Activation.GELU_TANH, x -> x / 2 * (1 + Math.tanh(u.applyAsDouble(x))));
        checkDerivative(Activation.GELU_TANH, x -> {
            double t = Math.tanh(u.applyAsDouble(x));
            return (1 + t) / 2 + x / 2 * (1 - t * t) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
        });
    }

    @Test
    void tanhIsRelativelyExactNearZeroToo() {
        checkValue(Activation.TANH, Math::tanh);
        checkDerivative(Activation.TANH, x -> 1 - Math.tanh(x) * Math.tanh(x));
        float[] x = {1e-6f, -1e-4f, 0.01f, -0.3f, 0.6249f, 0.6251f, 40, -1e30f};
        float[] y = new float[x.length];
        CpuActivations.apply(Activation.TANH, x, 0, y, 0, x.length, new float[CpuActivations.SCRATCH], 0);
        for (int i = 0; i < x.length; i++) {
            assertThat(y[i] / Math.tanh(x[i])).as("tanh %s", x[i]).isBetween(1 - 3e-7, 1 + 3e-7);
        }
    }

    @Test
    void reluCutsAtZero() {
        checkValue(Activation.RELU, x -> Math.max(0, x));
        checkDerivative(Activation.RELU, x -> x > 0 ? 1 : 0);
    }

    @Test
    void exponentialIsRelativelyExact() {
        int count = Simd.whole(COUNT);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = -87 + 175f * i / count;
        }
        float[] y = x.clone();
        Simd.exp(y, 0, count);
        for (int i = 0; i < count; i++) {
            assertThat(y[i] / Math.exp(x[i])).as("exp %s", x[i]).isBetween(1 - 1.5e-7, 1 + 1.5e-7);
        }
        float[] special = new float[Simd.LANES];
        special[1] = Float.NEGATIVE_INFINITY;
        special[2] = Float.NaN;
        Simd.exp(special, 0, special.length);
        assertThat(special[0]).isEqualTo(1);
        assertThat(special[1]).isBetween(0f, 2e-38f);
        assertThat(special[2]).isNaN();
    }

    @Test
    void powerOfTwoIsRelativelyExact() {
        int count = Simd.whole(COUNT);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = -126 + 253f * i / count;
        }
        float[] y = x.clone();
        Simd.exp2(y, 0, count);
        for (int i = 0; i < count; i++) {
            assertThat(y[i] / Math.pow(2, x[i])).as("2^%s", x[i]).isBetween(1 - 1.5e-7, 1 + 1.5e-7);
        }
        float[] special = new float[Simd.LANES];
        special[1] = Float.NEGATIVE_INFINITY;
        special[2] = Float.NaN;
        Simd.exp2(special, 0, special.length);
        assertThat(special[0]).isEqualTo(1);
        assertThat(special[1]).isBetween(0f, 2e-38f);
        assertThat(special[2]).isNaN();
    }

    @Test
    void logarithmIsExact() {
        int count = Simd.whole(COUNT);
        float[] x = new float[count];
        for (int i = 0; i < count; i++) {
            x[i] = (float) Math.pow(2, -125 + 252.0 * i / count);
        }
        x[0] = 1;
        x[1] = Float.NaN;
        float[] y = x.clone();
        Simd.log(y, 0, count);
        assertThat(y[0]).isZero();
        assertThat(y[1]).isNaN();
        for (int i = 2; i < count; i++) {
            double expected = Math.log(x[i]);
            assertThat(y[i] - expected).as("log %s", x[i])
                    .isBetween(-1.5e-7 * Math.max(1, Math.abs(expected)), 1.5e-7 * Math.max(1, Math.abs(expected)));
        }
    }

    @Test
    void notANumberStaysSo() {
        for (Activation function : Activation.values()) {
            float[] x = {Float.NaN};
            CpuActivations.apply(function, x, 0, x, 0, 1, new float[CpuActivations.SCRATCH], 0);
            assertThat(x[0]).as(function.name()).isNaN();
        }
    }

    private static double phi(double x) {
        return 0.5 * Erf.erfc(-x / Math.sqrt(2));
    }

    private static float[] grid() {
        float[] x = new float[COUNT];
        for (int i = 0; i < COUNT; i++) {
            x[i] = (float) (REACH * (2.0 * i / (COUNT - 1) - 1));
        }
        return x;
    }

    private static void checkValue(Activation function, DoubleUnaryOperator expected) {
        float[] x = grid();
        float[] y = new float[COUNT + 2];
        CpuActivations.apply(function, x, 0, y, 1, COUNT, new float[CpuActivations.SCRATCH], 0);
        check(x, y, expected);
        assertThat(y[0]).isZero();
        assertThat(y[COUNT + 1]).isZero();
    }

    private static void checkDerivative(Activation function, DoubleUnaryOperator expected) {
        float[] x = grid();
        float[] y = new float[COUNT + 2];
        java.util.Arrays.fill(y, 2);
        CpuActivations.multiplyDerivative(function, y, 1, x, 0, COUNT, new float[CpuActivations.SCRATCH], 0);
        check(x, y, value -> 2 * expected.applyAsDouble(value));
        assertThat(y[0]).isEqualTo(2);
        assertThat(y[COUNT + 1]).isEqualTo(2);
    }

    private static void check(float[] x, float[] y, DoubleUnaryOperator function) {
        for (int i = 0; i < COUNT; i++) {
            double expected = function.applyAsDouble(x[i]);
            double error = Math.abs(y[i + 1] - expected) / Math.max(1, Math.abs(expected));
            assertThat(error).as("at %s: %s, expected %s", x[i], y[i + 1], expected).isLessThan(TOLERANCE);
        }
    }
}
