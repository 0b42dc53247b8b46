// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

/** Layer normalisation of the rows of [rows, D]. */
final class ReferenceNorm {
    private ReferenceNorm() {}

    static void forward(
            ReferenceTensor y,
            ReferenceTensor means,
            ReferenceTensor rstds,
            ReferenceTensor x,
            ReferenceTensor gamma,
            ReferenceTensor beta,
            double epsilon) {
        int width = x.dim(1);
        for (int row = 0; row < x.dim(0); row++) {
            double mean = 0;
            for (int d = 0; d < width; d++) {
                mean += x.get(row, d) / width;
            }
            double variance = 0;
            for (int d = 0; d < width; d++) {
                double deviation = x.get(row, d) - mean;
                variance += deviation * deviation / width;
            }
            double rstd = 1 / Math.sqrt(variance + epsilon);
            for (int d = 0; d < width; d++) {
                y.set(gamma.get(d) * (x.get(row, d) - mean) * rstd + beta.get(d), row, d);
            }
            means.set(mean, row);
            rstds.set(rstd, row);
        }
    }

    /** dX += rstd (g - mean(g) - xh mean(g xh)) with xh = (x - mean) rstd, g = gamma dY. */
    static void backward(
            ReferenceTensor dX,
            ReferenceTensor dGamma,
            ReferenceTensor dBeta,
            ReferenceTensor dY,
            ReferenceTensor x,
            ReferenceTensor means,
            ReferenceTensor rstds,
            ReferenceTensor gamma) {
        int width = x.dim(1);
        dGamma.fill(0);
        dBeta.fill(0);
        for (int row = 0; row < x.dim(0); row++) {
            double mean = means.get(row);
            double rstd = rstds.get(row);
            double meanG = 0;
            double meanGXh = 0;
            for (int d = 0; d < width; d++) {
                double xh = (x.get(row, d) - mean) * rstd;
                double g = gamma.get(d) * dY.get(row, d);
                meanG += g / width;
                meanGXh += g * xh / width;
                dGamma.set(dGamma.get(d) + dY.get(row, d) * xh, d);
                dBeta.set(dBeta.get(d) + dY.get(row, d), d);
            }
            for (int d = 0; d < width; d++) {
                double xh = (x.get(row, d) - mean) * rstd;
                double g = gamma.get(d) * dY.get(row, d);
                dX.add(rstd * (g - meanG - xh * meanGXh), row, d);
            }
        }
    }
}
