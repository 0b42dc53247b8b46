// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Epilogue;
import org.apache.commons.math3.special.Erf;
import org.jspecify.annotations.Nullable;

/** Fully connected layers, x [rows, I], y [rows, O], weight [O, I], and the activations that follow them. */
final class ReferenceLinear {
    private static final double SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);
    private static final double GELU_CUBIC = 0.044715;

    private ReferenceLinear() {}

    /** y = epilogue(x weight^T + bias). */
    static void forward(
            ReferenceTensor y,
            ReferenceTensor x,
            ReferenceTensor weight,
            @Nullable ReferenceTensor bias,
            Epilogue epilogue) {
        for (int row = 0; row < y.dim(0); row++) {
            for (int o = 0; o < y.dim(1); o++) {
                double z = bias == null ? 0 : bias.get(o);
                for (int i = 0; i < x.dim(1); i++) {
                    z += x.get(row, i) * weight.get(o, i);
                }
                y.set(apply(epilogue, z, row * y.dim(1) + o), row, o);
            }
        }
    }

    /** Element {@code index} of the output, in memory order. */
    private static double apply(Epilogue epilogue, double z, int index) {
        return switch (epilogue) {
            case Epilogue.None none -> z;
            case Epilogue.Add add -> ((ReferenceTensor) add.residual()).get(index) + z;
            case Epilogue.Activate activate -> {
                if (activate.preActivation() != null) {
                    ((ReferenceTensor) activate.preActivation()).set(z, index);
                }
                yield activation(activate.function(), z);
            }
        };
    }

    /** dX = dY weight, times the activation's derivative at the pre-activation. */
    static void backwardInput(ReferenceTensor dX, ReferenceTensor dY, ReferenceTensor weight, Epilogue epilogue) {
        for (int row = 0; row < dX.dim(0); row++) {
            for (int i = 0; i < dX.dim(1); i++) {
                double sum = 0;
                for (int o = 0; o < dY.dim(1); o++) {
                    sum += dY.get(row, o) * weight.get(o, i);
                }
                if (epilogue instanceof Epilogue.Activate activate) {
                    double z = ((ReferenceTensor) activate.preActivation()).get(row * dX.dim(1) + i);
                    sum *= derivative(activate.function(), z);
                }
                dX.set(sum, row, i);
            }
        }
    }

    /** dWeight = dY^T x, dBias = the sum of dY's rows. */
    static void backwardWeight(
            ReferenceTensor dWeight, @Nullable ReferenceTensor dBias, ReferenceTensor dY, ReferenceTensor x) {
        for (int o = 0; o < dY.dim(1); o++) {
            for (int i = 0; i < x.dim(1); i++) {
                double sum = 0;
                for (int row = 0; row < x.dim(0); row++) {
                    sum += dY.get(row, o) * x.get(row, i);
                }
                dWeight.set(sum, o, i);
            }
            if (dBias != null) {
                double sum = 0;
                for (int row = 0; row < x.dim(0); row++) {
                    sum += dY.get(row, o);
                }
                dBias.set(sum, o);
            }
        }
    }

    static double activation(Activation function, double z) {
        return switch (function) {
            case GELU -> z * normalDistribution(z);
            case GELU_TANH -> z / 2 * (1 + Math.tanh(SQRT_2_OVER_PI * (z + GELU_CUBIC * z * z * z)));
            case RELU -> Math.max(z, 0);
            case TANH -> Math.tanh(z);
        };
    }

    static double derivative(Activation function, double z) {
        return switch (function) {
            case GELU -> normalDistribution(z) + z * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
            case GELU_TANH -> {
                double tanh = Math.tanh(SQRT_2_OVER_PI * (z + GELU_CUBIC * z * z * z));
                double inner = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * z * z);
                yield (1 + tanh) / 2 + z / 2 * (1 - tanh * tanh) * inner;
            }
            case RELU -> z > 0 ? 1 : 0;
            case TANH -> 1 - Math.tanh(z) * Math.tanh(z);
        };
    }

    /** Phi(z); by erfc, because 1 + erf loses everything in the lower tail. */
    private static double normalDistribution(double z) {
        return Erf.erfc(-z / Math.sqrt(2)) / 2;
    }
}
