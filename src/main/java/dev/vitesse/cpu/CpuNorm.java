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
 * horizontal sums and roots; a row has four sums of a kind, lest each addition wait for the one before. Bound by memory
 * where rows are long.
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
        int fours = whole / (4 * LANES) * (4 * LANES);
        for (int r = 0; r < rows; r++) {
            int row = offset + r * width;
            FloatVector sum0 = broadcast(FLOATS, 0);
            FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
            for (int j = row; j < row + fours; j += 4 * LANES) {
                // Not sum0.add: a loop's result has no exact type yet where C2 decides what to inline.
                sum0 = fromArray(FLOATS, x, j).add(sum0);
                sum1 = fromArray(FLOATS, x, j + LANES).add(sum1);
                sum2 = fromArray(FLOATS, x, j + 2 * LANES).add(sum2);
                sum3 = fromArray(FLOATS, x, j + 3 * LANES).add(sum3);
            }
            for (int j = row + fours; j < row + whole; j += LANES) {
                sum0 = fromArray(FLOATS, x, j).add(sum0);
            }
            sum0.add(sum1).add(sum2.add(sum3)).intoArray(s, r * LANES);
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
        int fours = whole / (4 * LANES) * (4 * LANES);
        for (int r = 0; r < rows; r++) {
            int row = offset + r * width;
            FloatVector m = broadcast(FLOATS, s[FIRST + r]);
            FloatVector sum0 = broadcast(FLOATS, 0);
            FloatVector sum1 = sum0, sum2 = sum0, sum3 = sum0;
            FloatVector squares0 = sum0, squares1 = sum0, squares2 = sum0, squares3 = sum0;
            for (int j = row; j < row + fours; j += 4 * LANES) {
                FloatVector t0 = fromArray(FLOATS, x, j).sub(m);
                FloatVector t1 = fromArray(FLOATS, x, j + LANES).sub(m);
                FloatVector t2 = fromArray(FLOATS, x, j + 2 * LANES).sub(m);
                FloatVector t3 = fromArray(FLOATS, x, j + 3 * LANES).sub(m);
                sum0 = t0.add(sum0);
                sum1 = t1.add(sum1);
                sum2 = t2.add(sum2);
                sum3 = t3.add(sum3);
                squares0 = t0.fma(t0, squares0);
                squares1 = t1.fma(t1, squares1);
                squares2 = t2.fma(t2, squares2);
                squares3 = t3.fma(t3, squares3);
            }
            for (int j = row + fours; j < row + whole; j += LANES) {
                FloatVector t = fromArray(FLOATS, x, j).sub(m);
                sum0 = t.add(sum0);
                squares0 = t.fma(t, squares0);
            }
            int sums = 2 * LANES * r;
            sum0.add(sum1).add(sum2.add(sum3)).intoArray(s, sums);
            squares0.add(squares1).add(squares2.add(squares3)).intoArray(s, sums + LANES);
            for (int j = whole; j < width; j++) {
                float t = x[row + j] - s[FIRST + r];
                s[sums] += t;
                s[sums + LANES] += t * t;
            }
        }
    }

    /**
     * With d = mean(x - m) the error of m, the mean is m + d and the variance mean((x - m)^2) - d^2: right also where
     * the mean is large against the spread. s[SECOND + r] = -d rstd, s[THIRD + r] = rstd.
     */
    private static void statistics(
            int rows, int width, float epsilon, float[] s, float[] mean, int meanOffset, float[] rstd,
            int rstdOffset) {
        for (int r = 0; r < rows; r++) {
            float d = Simd.sumLanes(s, 2 * LANES * r) / width;
            float variance = Math.max(0, Simd.sumLanes(s, 2 * LANES * r + LANES) / width - d * d);
            s[THIRD + r] = (float) (1 / Math.sqrt(variance + epsilon));
            s[SECOND + r] = -d * s[THIRD + r];
            mean[meanOffset + r] = s[FIRST + r] + d;
            rstd[rstdOffset + r] = s[THIRD + r];
        }
    }

    /** y = ((x - m) rstd - d rstd) gamma + beta. */
    private static void normalize(
            float[] y, int yOffset, float[] x, int xOffset, float[] gamma, int gammaOffset, float[] beta,
            int betaOffset, int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int from = xOffset + r * width;
            int to = yOffset + r * width;
            FloatVector m = broadcast(FLOATS, s[FIRST + r]);
            FloatVector shift = broadcast(FLOATS, s[SECOND + r]);
            FloatVector rstd = broadcast(FLOATS, s[THIRD + r]);
            for (int j = 0; j < whole; j += LANES) {
                fromArray(FLOATS, x, from + j).sub(m).fma(rstd, shift)
                        .fma(fromArray(FLOATS, gamma, gammaOffset + j), fromArray(FLOATS, beta, betaOffset + j))
                        .intoArray(y, to + j);
            }
            for (int j = whole; j < width; j++) {
                y[to + j] = ((x[from + j] - s[FIRST + r]) * s[THIRD + r] + s[SECOND + r]) * gamma[gammaOffset + j]
                        + beta[betaOffset + j];
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
        backend.reserveScratch(SCRATCH);
        ThreadTeam.Task task = (item, worker) -> {
            float[] s = backend.scratch(worker);
            float[] sums = partials.array();
            int sum = partials.offset(item);
            Arrays.fill(sums, sum, sum + 2 * width, 0f);
            if (NarrowNorm.suits(width)) {
                NarrowNorm.backward(dX, dY, x, mean, rstd, gamma, sums, sum, split.first(item), split.end(item));
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
     * of g = gamma dY and of g xh. Two rows at once, which halves the stores; a group's last row by itself if it is the
     * odd one.
     */
    private static void sumGradients(
            float[] sums, int dGamma, float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset,
            int rows, int width, float[] s) {
        int r = 0;
        for (; r < rows - 1; r += 2) {
            sumTwoRows(sums, dGamma, dY, dYOffset + r * width, x, xOffset + r * width, gamma, gammaOffset, width, s, r);
        }
        if (r < rows) {
            sumRow(sums, dGamma, dY, dYOffset + r * width, x, xOffset + r * width, gamma, gammaOffset, width, s, r);
        }
    }

    private static void sumTwoRows(
            float[] sums, int dGamma, float[] dY, int dYRow, float[] x, int xRow, float[] gamma, int gammaOffset,
            int width, float[] s, int r) {
        int whole = FLOATS.loopBound(width);
        int dBeta = dGamma + width;
        FloatVector mean0 = broadcast(FLOATS, s[FIRST + r]);
        FloatVector mean1 = broadcast(FLOATS, s[FIRST + r + 1]);
        FloatVector rstd0 = broadcast(FLOATS, s[SECOND + r]);
        FloatVector rstd1 = broadcast(FLOATS, s[SECOND + r + 1]);
        FloatVector sumG0 = broadcast(FLOATS, 0);
        FloatVector sumG1 = sumG0, sumGx0 = sumG0, sumGx1 = sumG0;
        for (int j = 0; j < whole; j += LANES) {
            FloatVector weight = fromArray(FLOATS, gamma, gammaOffset + j);
            FloatVector d0 = fromArray(FLOATS, dY, dYRow + j);
            FloatVector d1 = fromArray(FLOATS, dY, dYRow + width + j);
            FloatVector h0 = fromArray(FLOATS, x, xRow + j).sub(mean0).mul(rstd0);
            FloatVector h1 = fromArray(FLOATS, x, xRow + width + j).sub(mean1).mul(rstd1);
            d1.fma(h1, d0.fma(h0, fromArray(FLOATS, sums, dGamma + j))).intoArray(sums, dGamma + j);
            d0.add(d1).add(fromArray(FLOATS, sums, dBeta + j)).intoArray(sums, dBeta + j);
            FloatVector g0 = d0.mul(weight);
            FloatVector g1 = d1.mul(weight);
            sumG0 = g0.add(sumG0);
            sumG1 = g1.add(sumG1);
            sumGx0 = g0.fma(h0, sumGx0);
            sumGx1 = g1.fma(h1, sumGx1);
        }
        sumG0.intoArray(s, 2 * LANES * r);
        sumGx0.intoArray(s, 2 * LANES * r + LANES);
        sumG1.intoArray(s, 2 * LANES * (r + 1));
        sumGx1.intoArray(s, 2 * LANES * (r + 1) + LANES);
        addRest(sums, dGamma, dY, dYRow, x, xRow, gamma, gammaOffset, whole, width, s, r);
        addRest(sums, dGamma, dY, dYRow + width, x, xRow + width, gamma, gammaOffset, whole, width, s, r + 1);
    }

    private static void sumRow(
            float[] sums, int dGamma, float[] dY, int dYRow, float[] x, int xRow, float[] gamma, int gammaOffset,
            int width, float[] s, int r) {
        int whole = FLOATS.loopBound(width);
        int dBeta = dGamma + width;
        float mean = s[FIRST + r];
        float rstd = s[SECOND + r];
        FloatVector sumG = broadcast(FLOATS, 0);
        FloatVector sumGx = sumG;
        for (int j = 0; j < whole; j += LANES) {
            FloatVector d = fromArray(FLOATS, dY, dYRow + j);
            FloatVector h = fromArray(FLOATS, x, xRow + j).sub(mean).mul(rstd);
            FloatVector g = d.mul(fromArray(FLOATS, gamma, gammaOffset + j));
            d.fma(h, fromArray(FLOATS, sums, dGamma + j)).intoArray(sums, dGamma + j);
            d.add(fromArray(FLOATS, sums, dBeta + j)).intoArray(sums, dBeta + j);
            sumG = g.add(sumG);
            sumGx = g.fma(h, sumGx);
        }
        sumG.intoArray(s, 2 * LANES * r);
        sumGx.intoArray(s, 2 * LANES * r + LANES);
        addRest(sums, dGamma, dY, dYRow, x, xRow, gamma, gammaOffset, whole, width, s, r);
    }

    /** What a row has behind its last whole vector. */
    private static void addRest(
            float[] sums, int dGamma, float[] dY, int dYRow, float[] x, int xRow, float[] gamma, int gammaOffset,
            int whole, int width, float[] s, int r) {
        for (int j = whole; j < width; j++) {
            float d = dY[dYRow + j];
            float h = (x[xRow + j] - s[FIRST + r]) * s[SECOND + r];
            sums[dGamma + j] += d * h;
            sums[dGamma + width + j] += d;
            s[2 * LANES * r] += d * gamma[gammaOffset + j];
            s[2 * LANES * r + LANES] += d * gamma[gammaOffset + j] * h;
        }
    }

    /** dX += rstd (g - mean(g)) - (x - mean) rstd^2 mean(g xh). */
    private static void addGradients(
            float[] dX, int dXOffset, float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset,
            int rows, int width, float[] s) {
        int whole = FLOATS.loopBound(width);
        for (int r = 0; r < rows; r++) {
            int row = r * width;
            float mean = s[FIRST + r];
            float rstd = s[SECOND + r];
            float meanG = Simd.sumLanes(s, 2 * LANES * r) / width;
            float factor = -rstd * rstd * (Simd.sumLanes(s, 2 * LANES * r + LANES) / width);
            FloatVector scale = broadcast(FLOATS, rstd);
            FloatVector factors = broadcast(FLOATS, factor);
            for (int j = 0; j < whole; j += LANES) {
                FloatVector g = fromArray(FLOATS, dY, dYOffset + row + j)
                        .mul(fromArray(FLOATS, gamma, gammaOffset + j)).sub(meanG);
                fromArray(FLOATS, x, xOffset + row + j).sub(mean)
                        .fma(factors, g.fma(scale, fromArray(FLOATS, dX, dXOffset + row + j)))
                        .intoArray(dX, dXOffset + row + j);
            }
            for (int j = whole; j < width; j++) {
                float g = dY[dYOffset + row + j] * gamma[gammaOffset + j] - meanG;
                dX[dXOffset + row + j] += rstd * g + (x[xOffset + row + j] - mean) * factor;
            }
        }
    }
}
