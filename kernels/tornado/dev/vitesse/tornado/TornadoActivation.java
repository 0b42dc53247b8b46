// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Activation;
import uk.ac.manchester.tornado.api.math.TornadoMath;

/** The activations that linear layers end with and their derivatives; the function is a scalar baked into each kernel. */
final class TornadoActivation {
    static final int GELU = 0;
    static final int GELU_TANH = 1;
    static final int RELU = 2;
    static final int TANH = 3;

    private static final float SQRT_HALF = 0.70710678118654752f;
    private static final float INVERSE_SQRT_2PI = 0.39894228040143268f;
    private static final float SQRT_2_OVER_PI = 0.79788456080286536f;
    private static final float GELU_CUBIC = 0.044715f;

    private TornadoActivation() {}

    static int code(Activation function) {
        return switch (function) {
            case GELU -> GELU;
            case GELU_TANH -> GELU_TANH;
            case RELU -> RELU;
            case TANH -> TANH;
        };
    }

    /**
     * erf(x) = x P(x^2) / Q(x^2), clamped at +-4: absolute error below 1e-6 (the rational approximation of Eigen's
     * generic_fast_erf_float). TornadoVM has no erf.
     */
    private static float erf(float x) {
        float c = TornadoMath.max(-4f, TornadoMath.min(4f, x));
        float t = c * c;
        float p = t * -2.72614225801306e-10f + 2.77068142495902e-08f;
        p = t * p + -2.10102402082508e-06f;
        p = t * p + -5.69250639462346e-05f;
        p = t * p + -7.34990630326855e-04f;
        p = t * p + -2.95459980854025e-03f;
        p = t * p + -1.60960333262415e-02f;
        float q = t * -1.45660718464996e-05f + -2.13374055278905e-04f;
        q = t * q + -1.68282697438203e-03f;
        q = t * q + -7.37332916720468e-03f;
        q = t * q + -1.42647390514189e-02f;
        return c * p / q;
    }

    /** Exactly +-1 where float32 has nothing closer: drivers' own tanh may stay one bit below, which z^3 makes visible. */
    private static float tanh(float x) {
        float y = TornadoMath.tanh(x);
        if (x > 9f) {
            y = 1f;
        }
        if (x < -9f) {
            y = -1f;
        }
        return y;
    }

    static float activate(float z, int function) {
        float y = z;
        if (function == GELU) {
            y = 0.5f * z * (1f + erf(z * SQRT_HALF));
        }
        if (function == GELU_TANH) {
            y = 0.5f * z * (1f + tanh(SQRT_2_OVER_PI * (z + GELU_CUBIC * z * z * z)));
        }
        if (function == RELU && z < 0f) {
            y = 0f;
        }
        if (function == TANH) {
            y = tanh(z);
        }
        return y;
    }

    static float derivative(float z, int function) {
        float y = 0f;
        if (function == GELU) {
            // Phi(z) + z phi(z), phi the normal density.
            y = 0.5f * (1f + erf(z * SQRT_HALF)) + z * INVERSE_SQRT_2PI * TornadoMath.exp(-0.5f * z * z);
        }
        if (function == GELU_TANH) {
            float t = tanh(SQRT_2_OVER_PI * (z + GELU_CUBIC * z * z * z));
            float inner = SQRT_2_OVER_PI * (1f + 3f * GELU_CUBIC * z * z);
            y = 0.5f * (1f + t) + 0.5f * z * (1f - t * t) * inner;
        }
        if (function == RELU && z > 0f) {
            y = 1f;
        }
        if (function == TANH) {
            float t = tanh(z);
            y = 1f - t * t;
        }
        return y;
    }
}
