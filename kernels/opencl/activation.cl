// SPDX-License-Identifier: Apache-2.0
// What follows the product of a linear layer, on vectors of type `efloat`: epilogues, the activations that they apply,
// and their derivatives. Numbers that are known when compiling cost nothing; else all work-items take the same branch.

// Epilogues.
#define ADD 0              // y = other + z, or z if there is no other
#define ACTIVATE 1         // y = f(z); z is kept in other, if there is one
#define DIFFERENTIATE 2    // y = z f'(other)

// Activations.
#define GELU 1             // z Phi(z), Phi(z) = (1 + erf(z / sqrt 2)) / 2
#define GELU_TANH 2        // z / 2 (1 + tanh(u)), u = sqrt(2 / pi) (z + 0.044715 z^3)
#define RELU 3
#define TANH 4

// erf(x) = x P(x^2) / Q(x^2), clamped at +-4: absolute error below 1e-6 (the rational approximation of Eigen's
// generic_fast_erf_float). Four times as fast as the built-in erf where that is not vectorised.
static inline efloat fast_erf(efloat x)
{
    x = clamp(x, (efloat)-4.0f, (efloat)4.0f);
    const efloat t = x * x;
    efloat p = fma(t, (efloat)-2.72614225801306e-10f, (efloat)2.77068142495902e-08f);
    p = fma(t, p, (efloat)-2.10102402082508e-06f);
    p = fma(t, p, (efloat)-5.69250639462346e-05f);
    p = fma(t, p, (efloat)-7.34990630326855e-04f);
    p = fma(t, p, (efloat)-2.95459980854025e-03f);
    p = fma(t, p, (efloat)-1.60960333262415e-02f);
    efloat q = fma(t, (efloat)-1.45660718464996e-05f, (efloat)-2.13374055278905e-04f);
    q = fma(t, q, (efloat)-1.68282697438203e-03f);
    q = fma(t, q, (efloat)-7.37332916720468e-03f);
    q = fma(t, q, (efloat)-1.42647390514189e-02f);
    return x * p / q;
}

#define SQRT_HALF 0.70710678118654752f
#define INVERSE_SQRT_2PI 0.39894228040143268f
#define SQRT_2_OVER_PI 0.79788456080286536f

// tanh(u) of GELU_TANH: absolute error 1e-7 and exactly +-1 for large |u|, which the built-in one need not be. z is
// clamped to where that is so, to keep z^3 finite.
static inline efloat gelu_tanh_inner(efloat z)
{
    const efloat u = SQRT_2_OVER_PI * fma(0.044715f * z * z, z, z);
    return 1.0f - 2.0f / (exp(2.0f * u) + 1.0f);
}

static inline efloat activate(const int function, const efloat z)
{
    switch (function) {
    case GELU:
        return 0.5f * z * (1.0f + fast_erf(z * SQRT_HALF));
    case GELU_TANH:
        return 0.5f * z * (1.0f + gelu_tanh_inner(clamp(z, (efloat)-10.0f, (efloat)10.0f)));
    case RELU:
        return select(z, (efloat)0.0f, z < 0.0f);
    default:
        return tanh(z);
    }
}

static inline efloat gelu_tanh_derivative(const efloat z)
{
    const efloat t = gelu_tanh_inner(z);
    const efloat inner_derivative = SQRT_2_OVER_PI * fma(3.0f * 0.044715f * z, z, (efloat)1.0f);
    return 0.5f * (1.0f + t) + 0.5f * z * (1.0f - t * t) * inner_derivative;
}

static inline efloat activation_derivative(const int function, const efloat z)
{
    switch (function) {
    case GELU: // Phi(z) + z phi(z), phi the normal density
        return 0.5f * (1.0f + fast_erf(z * SQRT_HALF)) + z * INVERSE_SQRT_2PI * exp(-0.5f * z * z);
    case GELU_TANH:
        return gelu_tanh_derivative(clamp(z, (efloat)-10.0f, (efloat)10.0f));
    case RELU:
        return select((efloat)0.0f, (efloat)1.0f, z > 0.0f);
    default: {
        const efloat t = tanh(z);
        return 1.0f - t * t;
    }
    }
}
