// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Layer normalisation, forward and backward. Rows go through each step in groups, so that the processor overlaps their
 * horizontal sums and roots. Bound by memory where rows are long.
 */
final class CpuNorm {
    /** Elements of an item. */
    private static final int GRAIN = 8192;
    /** Rows of a group, fewer where they would fill the first-level cache. */
    private static final int GROUP_ROWS = 16;

    private static final int GROUP_ELEMENTS = 4096;
    // Parts of the working memory: two vectors of a row's sums side by side, and what comes of them.
    private static final int FIRST = 2 * LANES * GROUP_ROWS;
    private static final int SECOND = FIRST + GROUP_ROWS;
    private static final int THIRD = SECOND + GROUP_ROWS;
    private static final int SCRATCH = THIRD + GROUP_ROWS;

    private CpuNorm() {}

    private static int groupRows(int width) {
        return Math.clamp(GROUP_ELEMENTS / Math.max(1, width), 1, GROUP_ROWS);
    }

    /** y = gamma (x - mean) rstd + beta. */
    static Runnable forward(
            CpuBackend backend, CpuTensor y, CpuTensor mean, CpuTensor rstd, CpuTensor x, CpuTensor gamma,
            CpuTensor beta, float epsilon) {
        int width = x.dim(-1);
        int group = groupRows(width);
        Split split = Split.ofRows(x.rowCount(), width, GRAIN);
        backend.reserveScratch(Math.max(SCRATCH, NarrowNorm.SCRATCH));
        ThreadTeam.Task task = (item, worker) -> {
            float[] s = backend.scratch(worker);
            if (NarrowNorm.suits(width)) {
                NarrowNorm.forward(s, y, mean, rstd, x, gamma, beta, epsilon, split.first(item), split.end(item));
                return;
            }
            for (int row = split.first(item); row < split.end(item); row += group) {
                int rows = Math.min(group, split.end(item) - row);
                int start = x.offset() + row * width;
                firstMeans(x.floats(), start, rows, width, s);
                moments(x.floats(), start, rows, width, s);
                statistics(rows, width, epsilon, s, mean.floats(), mean.offset() + row, rstd.floats(),
                        rstd.offset() + row);
                normalize(y.floats(), y.offset() + row * width, x.floats(), start, gamma.floats(), gamma.offset(),
                        beta.floats(), beta.offset(), rows, width, s);
            }
        };
        return () -> backend.team().run(split.count(), task);
    }

    /** s[FIRST + r] = m, the mean of row r as far as a single sum gives it. */
    private static void firstMeans(float[] x, int offset, int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int row = offset + r * width;
            FloatVector sum = broadcast(FLOATS, 0);
            for (int j = 0; j < whole; j += LANES) {
                sum = sum.add(fromArray(FLOATS, x, row + j));
            }
            sum.intoArray(s, r * LANES);
        }
        for (int r = 0; r < rows; r++) {
            float total = Simd.sumLanes(s, r * LANES);
            for (int j = whole; j < width; j++) {
                total += x[offset + r * width + j];
            }
            s[FIRST + r] = total / width;
        }
    }

    /** s[2 LANES r] and behind it: by lanes, the sums of x - m and of (x - m)^2. */
    private static void moments(float[] x, int offset, int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int row = offset + r * width;
            float m = s[FIRST + r];
            FloatVector sum = broadcast(FLOATS, 0);
            FloatVector squares = sum;
            for (int j = 0; j < whole; j += LANES) {
                FloatVector t = fromArray(FLOATS, x, row + j).sub(m);
                sum = sum.add(t);
                squares = t.fma(t, squares);
            }
            int sums = 2 * LANES * r;
            sum.intoArray(s, sums);
            squares.intoArray(s, sums + LANES);
            for (int j = whole; j < width; j++) {
                float t = x[row + j] - m;
                s[sums] += t;
                s[sums + LANES] += t * t;
            }
        }
    }

    /**
     * With d = mean(x - m) the error of m, the mean is m + d and the variance mean((x - m)^2) - d^2: right also where
     * the mean is large against the spread. s[SECOND + r] = d, s[THIRD + r] = rstd.
     */
    private static void statistics(
            int rows, int width, float epsilon, float[] s, float[] mean, int meanOffset, float[] rstd,
            int rstdOffset) {
        for (int r = 0; r < rows; r++) {
            float d = Simd.sumLanes(s, 2 * LANES * r) / width;
            float variance = Math.max(0, Simd.sumLanes(s, 2 * LANES * r + LANES) / width - d * d);
            s[SECOND + r] = d;
            s[THIRD + r] = (float) (1 / Math.sqrt(variance + epsilon));
            mean[meanOffset + r] = s[FIRST + r] + d;
            rstd[rstdOffset + r] = s[THIRD + r];
        }
    }

    private static void normalize(
            float[] y, int yOffset, float[] x, int xOffset, float[] gamma, int gammaOffset, float[] beta,
            int betaOffset, int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int from = xOffset + r * width;
            int to = yOffset + r * width;
            float m = s[FIRST + r];
            float d = s[SECOND + r];
            float rstd = s[THIRD + r];
            for (int j = 0; j < whole; j += LANES) {
                fromArray(FLOATS, x, from + j).sub(m).sub(d).mul(rstd)
                        .fma(fromArray(FLOATS, gamma, gammaOffset + j), fromArray(FLOATS, beta, betaOffset + j))
                        .intoArray(y, to + j);
            }
            for (int j = whole; j < width; j++) {
                y[to + j] = (x[from + j] - m - d) * rstd * gamma[gammaOffset + j] + beta[betaOffset + j];
            }
        }
    }

    /** dX += rstd (g - mean(g) - xh mean(g xh)); dGamma and dBeta are summed by chunks of rows first. */
    static Runnable backward(
            CpuBackend backend, CpuTensor dX, CpuTensor dGamma, CpuTensor dBeta, CpuTensor dY, CpuTensor x,
            CpuTensor mean, CpuTensor rstd, CpuTensor gamma) {
        int width = x.dim(-1);
        int group = groupRows(width);
        Split split = Split.ofRows(x.rowCount(), width, GRAIN);
        Partials partials = new Partials(backend, split.count(), 2 * width);
        backend.reserveScratch(Math.max(SCRATCH, NarrowNorm.SCRATCH));
        ThreadTeam.Task task = (item, worker) -> {
            float[] s = backend.scratch(worker);
            float[] sums = partials.array();
            int sum = partials.offset(item);
            Arrays.fill(sums, sum, sum + 2 * width, 0f);
            if (NarrowNorm.suits(width)) {
                NarrowNorm.backward(s, dX, dY, x, mean, rstd, gamma, sums, sum, split.first(item), split.end(item));
                return;
            }
            for (int row = split.first(item); row < split.end(item); row += group) {
                int rows = Math.min(group, split.end(item) - row);
                int start = row * width;
                System.arraycopy(mean.floats(), mean.offset() + row, s, FIRST, rows);
                System.arraycopy(rstd.floats(), rstd.offset() + row, s, SECOND, rows);
                sumGradients(sums, sum, dY.floats(), dY.offset() + start, x.floats(), x.offset() + start,
                        gamma.floats(), gamma.offset(), rows, width, s);
                addGradients(dX.floats(), dX.offset() + start, dY.floats(), dY.offset() + start, x.floats(),
                        x.offset() + start, gamma.floats(), gamma.offset(), rows, width, s);
            }
        };
        return () -> {
            backend.team().run(split.count(), task);
            partials.sum(dGamma.floats(), dGamma.offset(), 0, width);
            partials.sum(dBeta.floats(), dBeta.offset(), width, width);
        };
    }

    /**
     * Adds a group's rows to the chunk's dGamma and, behind it, dBeta. s[2 LANES r] and behind it: by lanes, the sums
     * of g = gamma dY and of g xh.
     */
    private static void sumGradients(
            float[] sums, int dGamma, float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset,
            int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        int dBeta = dGamma + width;
        for (int r = 0; r < rows; r++) {
            int row = r * width;
            float mean = s[FIRST + r];
            float rstd = s[SECOND + r];
            FloatVector sumG = broadcast(FLOATS, 0);
            FloatVector sumGx = sumG;
            for (int j = 0; j < whole; j += LANES) {
                FloatVector d = fromArray(FLOATS, dY, dYOffset + row + j);
                FloatVector h = fromArray(FLOATS, x, xOffset + row + j).sub(mean).mul(rstd);
                FloatVector g = d.mul(fromArray(FLOATS, gamma, gammaOffset + j));
                d.fma(h, fromArray(FLOATS, sums, dGamma + j)).intoArray(sums, dGamma + j);
                d.add(fromArray(FLOATS, sums, dBeta + j)).intoArray(sums, dBeta + j);
                sumG = sumG.add(g);
                sumGx = g.fma(h, sumGx);
            }
            sumG.intoArray(s, 2 * LANES * r);
            sumGx.intoArray(s, 2 * LANES * r + LANES);
            for (int j = whole; j < width; j++) {
                float d = dY[dYOffset + row + j];
                float h = (x[xOffset + row + j] - mean) * rstd;
                sums[dGamma + j] += d * h;
                sums[dBeta + j] += d;
                s[2 * LANES * r] += d * gamma[gammaOffset + j];
                s[2 * LANES * r + LANES] += d * gamma[gammaOffset + j] * h;
            }
        }
    }

    private static void addGradients(
            float[] dX, int dXOffset, float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset,
            int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int row = r * width;
            float mean = s[FIRST + r];
            float rstd = s[SECOND + r];
            float meanG = Simd.sumLanes(s, 2 * LANES * r) / width;
            float meanGx = Simd.sumLanes(s, 2 * LANES * r + LANES) / width;
            FloatVector scale = broadcast(FLOATS, rstd);
            FloatVector factor = broadcast(FLOATS, -meanGx);
            for (int j = 0; j < whole; j += LANES) {
                FloatVector h = fromArray(FLOATS, x, xOffset + row + j).sub(mean).mul(scale);
                FloatVector g = fromArray(FLOATS, dY, dYOffset + row + j)
                        .mul(fromArray(FLOATS, gamma, gammaOffset + j)).sub(meanG);
                h.fma(factor, g).fma(scale, fromArray(FLOATS, dX, dXOffset + row + j))
                        .intoArray(dX, dXOffset + row + j);
            }
            for (int j = whole; j < width; j++) {
                float h = (x[xOffset + row + j] - mean) * rstd;
                float g = dY[dYOffset + row + j] * gamma[gammaOffset + j] - meanG;
                dX[dXOffset + row + j] += rstd * (g - h * meanGx);
            }
        }
    }
}
