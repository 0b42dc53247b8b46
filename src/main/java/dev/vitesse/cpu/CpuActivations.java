// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import dev.vitesse.backend.Activation;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * The elementwise functions and their derivatives, in blocks that stay in the first-level cache: what an exponential
 * needs is written to working memory, {@link Simd#exp} runs over it, and a last loop reads it.
 */
final class CpuActivations {
    /** Elements of working memory that the functions want. */
    static final int SCRATCH = 3 * 256;

    private static final int BLOCK = 256;
    private static final float SQRT_2_PI = 0.7978845608028654f;
    private static final float CUBIC = 0.044715f;

    /** Where Phi is 0 or 1 to 1e-7. */
    private static final float REACH = 5.25f;
    // (Phi(x) - 1/2) / x = P(x^2) / Q(x^2) up to there, with an error of x P / Q of at most 4e-9 before rounding.
    private static final float P0 = 0.398942258f;
    private static final float P1 = 0.0327345019f;
    private static final float P2 = 0.00461788884f;
    private static final float P3 = 0.000158534731f;
    private static final float P4 = 6.39235952e-6f;
    private static final float P5 = 2.43891879e-8f;
    private static final float Q1 = 0.248719517f;
    private static final float Q2 = 0.0280293054f;
    private static final float Q3 = 0.00182651245f;
    private static final float Q4 = 7.09010917e-5f;
    private static final float Q5 = 1.24790473e-6f;

    /** Where the derivative of x Phi(x) is 0 or 1 to 1.2e-7. */
    private static final float SLOPE_REACH = 5.8f;
    // (Phi(x) + x phi(x) - 1/2) / x = R(x^2) / S(x^2) up to there, with an error of x R / S of at most 1.2e-7.
    private static final float R0 = 0.797885361f;
    private static final float R1 = -0.0309958717f;
    private static final float R2 = 0.0142303071f;
    private static final float R3 = 1.92202284e-5f;
    private static final float R4 = 3.59559485e-5f;
    private static final float R5 = 1.9292934e-7f;
    private static final float S1 = 0.29449402f;
    private static final float S2 = 0.0409802059f;
    private static final float S3 = 0.00352303439f;
    private static final float S4 = 0.000192036336f;
    private static final float S5 = 8.95242151e-6f;

    private CpuActivations() {}

    /**
     * y[i] = f(x[i]); y may be x.
     *
     * @param scratch {@link #SCRATCH} elements of working memory from scratchOffset on
     */
    static void apply(
            Activation function, float[] x, int xOffset, float[] y, int yOffset, int count, float[] scratch,
            int scratchOffset) {
        for (int i = 0; i < count; i += BLOCK) {
            int size = Math.min(BLOCK, count - i);
            int whole = FLOATS.loopBound(size);
            applyWhole(function, x, xOffset + i, y, yOffset + i, whole, scratch, scratchOffset);
            if (whole < size) {
                int tail = scratchOffset + BLOCK;
                Arrays.fill(scratch, tail, tail + LANES, 0f);
                System.arraycopy(x, xOffset + i + whole, scratch, tail, size - whole);
                applyWhole(function, scratch, tail, scratch, tail, LANES, scratch, scratchOffset);
                System.arraycopy(scratch, tail, y, yOffset + i + whole, size - whole);
            }
        }
    }

    /** g[i] *= f'(x[i]), with working memory as for {@link #apply}. */
    static void multiplyDerivative(
            Activation function, float[] g, int gOffset, float[] x, int xOffset, int count, float[] scratch,
            int scratchOffset) {
        for (int i = 0; i < count; i += BLOCK) {
            int size = Math.min(BLOCK, count - i);
            int whole = FLOATS.loopBound(size);
            multiplyWhole(function, g, gOffset + i, x, xOffset + i, whole, scratch, scratchOffset);
            if (whole < size) {
                int tailX = scratchOffset + BLOCK;
                int tailG = tailX + BLOCK;
                Arrays.fill(scratch, tailX, tailX + LANES, 0f);
                System.arraycopy(x, xOffset + i + whole, scratch, tailX, size - whole);
                System.arraycopy(g, gOffset + i + whole, scratch, tailG, size - whole);
                multiplyWhole(function, scratch, tailG, scratch, tailX, LANES, scratch, scratchOffset);
                System.arraycopy(scratch, tailG, g, gOffset + i + whole, size - whole);
            }
        }
    }

    private static void applyWhole(
            Activation function, float[] x, int xOffset, float[] y, int yOffset, int count, float[] t, int tOffset) {
        switch (function) {
            case GELU -> gelu(x, xOffset, y, yOffset, count);
            case GELU_TANH -> {
                geluArgument(x, xOffset, t, tOffset, count);
                tanh(t, tOffset, t, tOffset, count, t, tOffset + BLOCK + LANES);
                geluTanh(x, xOffset, y, yOffset, count, t, tOffset);
            }
            case RELU -> relu(x, xOffset, y, yOffset, count);
            case TANH -> tanh(x, xOffset, y, yOffset, count, t, tOffset);
        }
    }

    private static void multiplyWhole(
            Activation function, float[] g, int gOffset, float[] x, int xOffset, int count, float[] t, int tOffset) {
        switch (function) {
            case GELU -> geluDerivative(g, gOffset, x, xOffset, count);
            case GELU_TANH -> {
                geluArgument(x, xOffset, t, tOffset, count);
                tanh(t, tOffset, t, tOffset, count, t, tOffset + BLOCK + LANES);
                geluTanhDerivative(g, gOffset, x, xOffset, count, t, tOffset);
            }
            case RELU -> reluDerivative(g, gOffset, x, xOffset, count);
            case TANH -> {
                tanh(x, xOffset, t, tOffset, count, t, tOffset + BLOCK + LANES);
                tanhDerivative(g, gOffset, count, t, tOffset);
            }
        }
    }

    /**
     * y = x Phi(x). Where |x| is at most {@link #REACH}, Phi(x) = 1/2 + x P(x^2) / Q(x^2) to 2e-7, with the coefficients
     * of least largest error; beyond, it is 0 or 1 to 1e-7. One division, no exponential.
     */
    private static void gelu(float[] x, int xOffset, float[] y, int yOffset, int count) {
        FloatVector one = broadcast(FLOATS, 1f);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            FloatVector s = v.mul(v);
            FloatVector p = s.fma(broadcast(FLOATS, P5), broadcast(FLOATS, P4));
            p = p.fma(s, broadcast(FLOATS, P3)).fma(s, broadcast(FLOATS, P2));
            p = p.fma(s, broadcast(FLOATS, P1)).fma(s, broadcast(FLOATS, P0));
            FloatVector q = s.fma(broadcast(FLOATS, Q5), broadcast(FLOATS, Q4));
            q = q.fma(s, broadcast(FLOATS, Q3)).fma(s, broadcast(FLOATS, Q2));
            q = q.fma(s, broadcast(FLOATS, Q1)).fma(s, one);
            FloatVector phi = v.mul(p).div(q).add(0.5f);
            phi = phi.blend(0f, v.compare(VectorOperators.LT, -REACH));
            phi = phi.blend(1f, v.compare(VectorOperators.GT, REACH));
            v.mul(phi).intoArray(y, yOffset + i);
        }
    }

    /**
     * g *= Phi(x) + x phi(x), phi(x) = exp(-x^2 / 2) / sqrt(2 pi). Like Phi(x) it is 1/2 and an odd function, and so it
     * is computed in the same way, to 3e-7.
     */
    private static void geluDerivative(float[] g, int gOffset, float[] x, int xOffset, int count) {
        FloatVector one = broadcast(FLOATS, 1f);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            FloatVector s = v.mul(v);
            FloatVector p = s.fma(broadcast(FLOATS, R5), broadcast(FLOATS, R4));
            p = p.fma(s, broadcast(FLOATS, R3)).fma(s, broadcast(FLOATS, R2));
            p = p.fma(s, broadcast(FLOATS, R1)).fma(s, broadcast(FLOATS, R0));
            FloatVector q = s.fma(broadcast(FLOATS, S5), broadcast(FLOATS, S4));
            q = q.fma(s, broadcast(FLOATS, S3)).fma(s, broadcast(FLOATS, S2));
            q = q.fma(s, broadcast(FLOATS, S1)).fma(s, one);
            FloatVector slope = v.mul(p).div(q).add(0.5f);
            slope = slope.blend(0f, v.compare(VectorOperators.LT, -SLOPE_REACH));
            slope = slope.blend(1f, v.compare(VectorOperators.GT, SLOPE_REACH));
            fromArray(FLOATS, g, gOffset + i).mul(slope).intoArray(g, gOffset + i);
        }
    }

    /** u = sqrt(2/pi) (x + 0.044715 x^3). */
    private static void geluArgument(float[] x, int xOffset, float[] u, int uOffset, int count) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            FloatVector factor = v.mul(v).fma(broadcast(FLOATS, CUBIC * SQRT_2_PI), broadcast(FLOATS, SQRT_2_PI));
            v.mul(factor).intoArray(u, uOffset + i);
        }
    }

    /** y = x/2 (1 + tanh u). */
    private static void geluTanh(
            float[] x, int xOffset, float[] y, int yOffset, int count, float[] tanh, int tanhOffset) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector t = fromArray(FLOATS, tanh, tanhOffset + i).add(1f);
            fromArray(FLOATS, x, xOffset + i).mul(0.5f).mul(t).intoArray(y, yOffset + i);
        }
    }

    /** g *= (1 + tanh u)/2 + x/2 (1 - tanh^2 u) u'. */
    private static void geluTanhDerivative(
            float[] g, int gOffset, float[] x, int xOffset, int count, float[] tanh, int tanhOffset) {
        FloatVector one = broadcast(FLOATS, 1f);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            FloatVector t = fromArray(FLOATS, tanh, tanhOffset + i);
            FloatVector slope =
                    v.mul(v).fma(broadcast(FLOATS, 3 * CUBIC * SQRT_2_PI), broadcast(FLOATS, SQRT_2_PI));
            FloatVector bend = one.sub(t.mul(t)).mul(slope).mul(v);
            FloatVector derivative = t.add(one).add(bend).mul(0.5f);
            fromArray(FLOATS, g, gOffset + i).mul(derivative).intoArray(g, gOffset + i);
        }
    }

    private static void relu(float[] x, int xOffset, float[] y, int yOffset, int count) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            v.blend(0f, v.compare(VectorOperators.LT, 0f)).intoArray(y, yOffset + i);
        }
    }

    private static void reluDerivative(float[] g, int gOffset, float[] x, int xOffset, int count) {
        for (int i = 0; i < count; i += LANES) {
            VectorMask<Float> off = fromArray(FLOATS, x, xOffset + i).compare(VectorOperators.LE, 0f);
            fromArray(FLOATS, g, gOffset + i).blend(0f, off).intoArray(g, gOffset + i);
        }
    }

    /** y = tanh x to 2e-7 relative: Cephes' polynomial below 0.625, else (1 - e^-2|x|) / (1 + e^-2|x|); y may be x. */
    private static void tanh(float[] x, int xOffset, float[] y, int yOffset, int count, float[] e, int eOffset) {
        FloatVector one = broadcast(FLOATS, 1f);
        for (int i = 0; i < count; i += LANES) {
            fromArray(FLOATS, x, xOffset + i).abs().mul(-2f).intoArray(e, eOffset + i);
        }
        Simd.exp(e, eOffset, count);
        for (int i = 0; i < count; i += LANES) {
            FloatVector v = fromArray(FLOATS, x, xOffset + i);
            FloatVector z = v.mul(v);
            FloatVector p = z.fma(broadcast(FLOATS, -5.70498872745e-3f), broadcast(FLOATS, 2.06390887954e-2f));
            p = p.fma(z, broadcast(FLOATS, -5.37397155531e-2f)).fma(z, broadcast(FLOATS, 1.33314422036e-1f));
            p = p.fma(z, broadcast(FLOATS, -3.33332819422e-1f));
            FloatVector small = p.mul(z).fma(v, v);
            FloatVector exponential = fromArray(FLOATS, e, eOffset + i);
            FloatVector large = one.sub(exponential).div(one.add(exponential));
            large = large.blend(large.neg(), v.compare(VectorOperators.LT, 0f));
            large.blend(small, v.abs().compare(VectorOperators.LT, 0.625f)).intoArray(y, yOffset + i);
        }
    }

    /** g *= 1 - tanh^2. */
    private static void tanhDerivative(float[] g, int gOffset, int count, float[] tanh, int tanhOffset) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector t = fromArray(FLOATS, tanh, tanhOffset + i);
            FloatVector d = broadcast(FLOATS, 1f).sub(t.mul(t));
            fromArray(FLOATS, g, gOffset + i).mul(d).intoArray(g, gOffset + i);
        }
    }
}
