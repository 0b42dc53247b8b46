// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static dev.vitesse.cpu.Simd.broadcast;
import static dev.vitesse.cpu.Simd.exp;
import static dev.vitesse.cpu.Simd.load;

import dev.vitesse.backend.Activation;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/** The elementwise functions and their derivatives. */
final class CpuActivations {
    private static final float SQRT_2_PI = 0.7978845608028654f;
    private static final float SQRT_HALF = 0.7071067811865476f;
    private static final float INV_SQRT_2_PI = 0.3989422804014327f;

    private CpuActivations() {}

    /** y[i] = f(x[i]); y may be x. */
    static void apply(Activation function, float[] x, int xOffset, float[] y, int yOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            value(function, load(x, xOffset + i)).intoArray(y, yOffset + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Simd.first(count - i);
            value(function, FloatVector.fromArray(FLOATS, x, xOffset + i, rest)).intoArray(y, yOffset + i, rest);
        }
    }

    /** g[i] *= f'(x[i]). */
    static void multiplyDerivative(Activation function, float[] g, int gOffset, float[] x, int xOffset, int count) {
        int i = 0;
        for (; i <= count - LANES; i += LANES) {
            FloatVector d = derivative(function, load(x, xOffset + i));
            load(g, gOffset + i).mul(d).intoArray(g, gOffset + i);
        }
        if (i < count) {
            VectorMask<Float> rest = Simd.first(count - i);
            FloatVector d = derivative(function, FloatVector.fromArray(FLOATS, x, xOffset + i, rest));
            FloatVector.fromArray(FLOATS, g, gOffset + i, rest).mul(d).intoArray(g, gOffset + i, rest);
        }
    }

    private static FloatVector value(Activation function, FloatVector x) {
        return switch (function) {
            case GELU -> gelu(x);
            case GELU_TANH -> geluTanh(x);
            case RELU -> x.blend(0f, x.compare(VectorOperators.LT, 0f));
            case TANH -> tanh(x);
        };
    }

    private static FloatVector derivative(Activation function, FloatVector x) {
        return switch (function) {
            case GELU -> geluDerivative(x);
            case GELU_TANH -> geluTanhDerivative(x);
            case RELU -> broadcast(0f).blend(1f, x.compare(VectorOperators.GT, 0f));
            case TANH -> {
                FloatVector t = tanh(x);
                yield t.mul(t).neg().add(1f);
            }
        };
    }

    /** x Phi(x). */
    static FloatVector gelu(FloatVector x) {
        return x.mul(normalDistribution(x, gauss(x)));
    }

    /** Phi(x) + x phi(x). */
    static FloatVector geluDerivative(FloatVector x) {
        FloatVector gauss = gauss(x);
        return x.mul(gauss).fma(broadcast(INV_SQRT_2_PI), normalDistribution(x, gauss));
    }

    /** exp(-x^2 / 2). */
    private static FloatVector gauss(FloatVector x) {
        return exp(x.mul(x).mul(-0.5f));
    }

    /**
     * Phi(x) = erfc(-x / sqrt 2) / 2, to 1e-7: erfc(z) = t (a1 + t (a2 + ...)) exp(-z^2) with t = 1 / (1 + p z) for z >= 0
     * (Abramowitz and Stegun 7.1.26).
     *
     * @param gauss exp(-x^2 / 2)
     */
    private static FloatVector normalDistribution(FloatVector x, FloatVector gauss) {
        FloatVector z = x.abs();
        FloatVector t = broadcast(1f).div(z.fma(broadcast(0.3275911f * SQRT_HALF), broadcast(1f)));
        FloatVector p = broadcast(0.5f * 1.061405429f);
        p = p.fma(t, broadcast(0.5f * -1.453152027f));
        p = p.fma(t, broadcast(0.5f * 1.421413741f));
        p = p.fma(t, broadcast(0.5f * -0.284496736f));
        p = p.fma(t, broadcast(0.5f * 0.254829592f));
        FloatVector tail = p.mul(t).mul(gauss);
        return tail.blend(broadcast(1f).sub(tail), x.compare(VectorOperators.GT, 0f));
    }

    /** x/2 (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3). */
    static FloatVector geluTanh(FloatVector x) {
        FloatVector t = tanh(geluArgument(x));
        return x.mul(0.5f).mul(t.add(1f));
    }

    /** (1 + tanh u)/2 + x/2 (1 - tanh^2 u) u'. */
    static FloatVector geluTanhDerivative(FloatVector x) {
        FloatVector t = tanh(geluArgument(x));
        FloatVector slope = x.mul(x).fma(broadcast(3 * 0.044715f * SQRT_2_PI), broadcast(SQRT_2_PI));
        FloatVector bend = t.mul(t).neg().add(1f).mul(slope).mul(x);
        return t.add(1f).add(bend).mul(0.5f);
    }

    private static FloatVector geluArgument(FloatVector x) {
        return x.mul(x.mul(x).fma(broadcast(0.044715f * SQRT_2_PI), broadcast(SQRT_2_PI)));
    }

    /** tanh to 2e-7 relative: Cephes' polynomial below 0.625, else 1 - 2 / (e^2|x| + 1). */
    static FloatVector tanh(FloatVector x) {
        FloatVector z = x.mul(x);
        FloatVector p = broadcast(-5.70498872745e-3f);
        p = p.fma(z, broadcast(2.06390887954e-2f));
        p = p.fma(z, broadcast(-5.37397155531e-2f));
        p = p.fma(z, broadcast(1.33314422036e-1f));
        p = p.fma(z, broadcast(-3.33332819422e-1f));
        FloatVector small = p.mul(z).fma(x, x);
        FloatVector size = x.abs();
        FloatVector large = broadcast(1f).sub(broadcast(2f).div(exp(size.add(size)).add(1f)));
        large = large.blend(large.neg(), x.compare(VectorOperators.LT, 0f));
        return large.blend(small, size.compare(VectorOperators.LT, 0.625f));
    }
}
