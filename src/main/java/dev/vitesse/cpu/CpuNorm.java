// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static dev.vitesse.cpu.Simd.broadcast;
import static dev.vitesse.cpu.Simd.load;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** Layer normalisation, forward and backward. Bound by memory. */
final class CpuNorm {
    /** Elements of an item. */
    private static final int GRAIN = 8192;

    private CpuNorm() {}

    /** y = gamma (x - mean) rstd + beta. */
    static Runnable forward(
            CpuBackend backend, CpuTensor y, CpuTensor mean, CpuTensor rstd, CpuTensor x, CpuTensor gamma,
            CpuTensor beta, float epsilon) {
        int width = x.dim(-1);
        Split rows = Split.ofRows(x.rowCount(), width, GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            for (int row = rows.first(item); row < rows.end(item); row++) {
                normalizeRow(y.floats(), y.offset() + row * width, mean.floats(), mean.offset() + row, rstd.floats(),
                        rstd.offset() + row, x.floats(), x.offset() + row * width, gamma.floats(), gamma.offset(),
                        beta.floats(), beta.offset(), width, epsilon);
            }
        };
        return () -> backend.team().run(rows.count(), task);
    }

    /**
     * One row. With m the mean as first computed, the second pass finds the error d = mean(x - m) of m too, so that the
     * variance mean((x - m)^2) - d^2 and the result (x - m) - d are right where the mean is large against the spread.
     */
    private static void normalizeRow(
            float[] y, int yOffset, float[] mean, int meanIndex, float[] rstd, int rstdIndex, float[] x, int xOffset,
            float[] gamma, int gammaOffset, float[] beta, int betaOffset, int width, float epsilon) {
        float m = sum(x, xOffset, width) / width;
        FloatVector sum = broadcast(0);
        FloatVector squares = broadcast(0);
        int whole = FLOATS.loopBound(width);
        VectorMask<Float> rest = Simd.first(width - whole);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector t = load(x, xOffset + j).sub(m);
            sum = sum.add(t);
            squares = t.fma(t, squares);
        }
        if (whole < width) {
            FloatVector t = FloatVector.fromArray(FLOATS, x, xOffset + whole, rest).sub(m, rest);
            sum = sum.add(t);
            squares = t.fma(t, squares);
        }
        float d = Simd.sum(sum) / width;
        float variance = Math.max(0, Simd.sum(squares) / width - d * d);
        float r = (float) (1 / Math.sqrt(variance + epsilon));
        mean[meanIndex] = m + d;
        rstd[rstdIndex] = r;
        for (int j = 0; j < whole; j += LANES) {
            FloatVector h = load(x, xOffset + j).sub(m).sub(d).mul(r);
            h.fma(load(gamma, gammaOffset + j), load(beta, betaOffset + j)).intoArray(y, yOffset + j);
        }
        for (int j = whole; j < width; j++) {
            y[yOffset + j] = Math.fma(((x[xOffset + j] - m) - d) * r, gamma[gammaOffset + j], beta[betaOffset + j]);
        }
    }

    private static float sum(float[] x, int offset, int width) {
        FloatVector sum = broadcast(0);
        int whole = FLOATS.loopBound(width);
        for (int j = 0; j < whole; j += LANES) {
            sum = sum.add(load(x, offset + j));
        }
        float total = Simd.sum(sum);
        for (int j = whole; j < width; j++) {
            total += x[offset + j];
        }
        return total;
    }

    /** dX += rstd (g - mean(g) - xh mean(g xh)); dGamma and dBeta are summed by chunks of rows first. */
    static Runnable backward(
            CpuBackend backend, CpuTensor dX, CpuTensor dGamma, CpuTensor dBeta, CpuTensor dY, CpuTensor x,
            CpuTensor mean, CpuTensor rstd, CpuTensor gamma) {
        int width = x.dim(-1);
        Split rows = Split.ofRows(x.rowCount(), width, GRAIN);
        Partials partials = new Partials(backend, rows.count(), 2 * width);
        ThreadTeam.Task task = (item, worker) -> {
            float[] sums = partials.array();
            int sum = partials.offset(item);
            java.util.Arrays.fill(sums, sum, sum + 2 * width, 0f);
            for (int row = rows.first(item); row < rows.end(item); row++) {
                int start = row * width;
                backwardRow(dX.floats(), dX.offset() + start, sums, sum, dY.floats(), dY.offset() + start, x.floats(),
                        x.offset() + start, mean.floats()[mean.offset() + row], rstd.floats()[rstd.offset() + row],
                        gamma.floats(), gamma.offset(), width);
            }
        };
        return () -> {
            backend.team().run(rows.count(), task);
            partials.sum(dGamma.floats(), dGamma.offset(), 0, width);
            partials.sum(dBeta.floats(), dBeta.offset(), width, width);
        };
    }

    /** One row; {@code sums} holds the chunk's dGamma and behind it its dBeta. */
    private static void backwardRow(
            float[] dX, int dXOffset, float[] sums, int sumOffset, float[] dY, int dYOffset, float[] x, int xOffset,
            float mean, float rstd, float[] gamma, int gammaOffset, int width) {
        int dBeta = sumOffset + width;
        int whole = FLOATS.loopBound(width);
        FloatVector sumG = broadcast(0);
        FloatVector sumGx = broadcast(0);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector d = load(dY, dYOffset + j);
            FloatVector h = load(x, xOffset + j).sub(mean).mul(rstd);
            FloatVector g = d.mul(load(gamma, gammaOffset + j));
            d.fma(h, load(sums, sumOffset + j)).intoArray(sums, sumOffset + j);
            load(sums, dBeta + j).add(d).intoArray(sums, dBeta + j);
            sumG = sumG.add(g);
            sumGx = g.fma(h, sumGx);
        }
        float totalG = Simd.sum(sumG);
        float totalGx = Simd.sum(sumGx);
        for (int j = whole; j < width; j++) {
            float d = dY[dYOffset + j];
            float h = (x[xOffset + j] - mean) * rstd;
            float g = d * gamma[gammaOffset + j];
            sums[sumOffset + j] += d * h;
            sums[dBeta + j] += d;
            totalG += g;
            totalGx += g * h;
        }
        addGradient(dX, dXOffset, dY, dYOffset, x, xOffset, mean, rstd, gamma, gammaOffset, width, totalG / width,
                totalGx / width);
    }

    private static void addGradient(
            float[] dX, int dXOffset, float[] dY, int dYOffset, float[] x, int xOffset, float mean, float rstd,
            float[] gamma, int gammaOffset, int width, float meanG, float meanGx) {
        int whole = FLOATS.loopBound(width);
        FloatVector factor = broadcast(-meanGx);
        for (int j = 0; j < whole; j += LANES) {
            FloatVector h = load(x, xOffset + j).sub(mean).mul(rstd);
            FloatVector g = load(dY, dYOffset + j).mul(load(gamma, gammaOffset + j)).sub(meanG);
            h.fma(factor, g).fma(broadcast(rstd), load(dX, dXOffset + j)).intoArray(dX, dXOffset + j);
        }
        for (int j = whole; j < width; j++) {
            float h = (x[xOffset + j] - mean) * rstd;
            float g = dY[dYOffset + j] * gamma[gammaOffset + j] - meanG;
            dX[dXOffset + j] += rstd * (g - h * meanGx);
        }
    }
}
