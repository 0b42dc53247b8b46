// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;

/**
 * Layer normalisation, forward and backward, of rows that are one vector long: the formulas of {@link CpuNorm}, with the
 * sums over rows done for many rows at once, and what follows from them with rows along the lanes.
 */
final class NarrowNorm {
    /** Rows of a group, in whole vectors. */
    private static final int ROWS = 4 * Math.max(LANES, 16);
    // Parts of the working memory: a vector for each row, twice, and three numbers for each row.
    private static final int SECOND = ROWS * LANES;
    private static final int MEANS = 2 * ROWS * LANES;
    private static final int SHIFTS = MEANS + ROWS;
    private static final int SCALES = SHIFTS + ROWS;
    static final int SCRATCH = SCALES + ROWS;
    /** Where the vector of each row has to lie for its sum to lie at the row's number, see {@link LaneSums#index}. */
    private static final int[] PLACES =
            IntStream.range(0, ROWS).map(row -> LaneSums.index(row) * LANES).toArray();

    private NarrowNorm() {}

    static boolean suits(int width) {
        return width == LANES;
    }

    /** Rows {@code first} to {@code end - 1}. */
    static void forward(
            float[] s, CpuTensor y, CpuTensor mean, CpuTensor rstd, CpuTensor x, CpuTensor gamma, CpuTensor beta,
            float epsilon, int first, int end) {
        for (int row = first; row < end; row += ROWS) {
            int rows = Math.min(ROWS, end - row);
            int start = x.offset() + row * LANES;
            copy(x.floats(), start, rows, s);
            LaneSums.sum(s, 0, Simd.whole(rows));
            deviations(x.floats(), start, rows, s);
            LaneSums.sum(s, 0, Simd.whole(rows));
            LaneSums.sum(s, SECOND, Simd.whole(rows));
            statistics(rows, epsilon, s);
            System.arraycopy(s, SECOND, mean.floats(), mean.offset() + row, rows);
            System.arraycopy(s, SCALES, rstd.floats(), rstd.offset() + row, rows);
            normalize(x.floats(), start, gamma.floats(), gamma.offset(), beta.floats(), beta.offset(), y.floats(),
                    y.offset() + row * LANES, rows, s);
        }
    }

    private static void copy(float[] x, int offset, int rows, float[] s) {
        for (int r = 0; r < rows; r++) {
            fromArray(FLOATS, x, offset + r * LANES).intoArray(s, PLACES[r]);
        }
    }

    /** s[MEANS + r] = m, the mean as far as a single sum gives it; then x - m and its square. */
    private static void deviations(float[] x, int offset, int rows, float[] s) {
        for (int r = 0; r < rows; r += LANES) {
            fromArray(FLOATS, s, r).mul(1f / LANES).intoArray(s, MEANS + r);
        }
        for (int r = 0; r < rows; r++) {
            FloatVector t = fromArray(FLOATS, x, offset + r * LANES).sub(s[MEANS + r]);
            int place = PLACES[r];
            t.intoArray(s, place);
            t.mul(t).intoArray(s, SECOND + place);
        }
    }

    /** As in {@link CpuNorm}: s[SHIFTS + r] = d, the error of m, s[SCALES + r] = rstd and s[SECOND + r] = m + d. */
    private static void statistics(int rows, float epsilon, float[] s) {
        for (int r = 0; r < rows; r += LANES) {
            FloatVector d = fromArray(FLOATS, s, r).mul(1f / LANES);
            FloatVector variance = fromArray(FLOATS, s, SECOND + r).mul(1f / LANES).sub(d.mul(d)).max(0f);
            d.intoArray(s, SHIFTS + r);
            d.add(fromArray(FLOATS, s, MEANS + r)).intoArray(s, SECOND + r);
            broadcast(FLOATS, 1).div(variance.add(epsilon).sqrt()).intoArray(s, SCALES + r);
        }
    }

    private static void normalize(
            float[] x, int xOffset, float[] gamma, int gammaOffset, float[] beta, int betaOffset, float[] y, int yOffset,
            int rows, float[] s) {
        FloatVector factor = fromArray(FLOATS, gamma, gammaOffset);
        FloatVector shift = fromArray(FLOATS, beta, betaOffset);
        for (int r = 0; r < rows; r++) {
            fromArray(FLOATS, x, xOffset + r * LANES).sub(s[MEANS + r]).sub(s[SHIFTS + r]).mul(s[SCALES + r])
                    .fma(factor, shift).intoArray(y, yOffset + r * LANES);
        }
    }

    /** Rows {@code first} to {@code end - 1}; adds their dGamma and dBeta to sums[dGamma] and behind. */
    static void backward(
            float[] s, CpuTensor dX, CpuTensor dY, CpuTensor x, CpuTensor mean, CpuTensor rstd, CpuTensor gamma,
            float[] sums, int dGamma, int first, int end) {
        for (int row = first; row < end; row += ROWS) {
            int rows = Math.min(ROWS, end - row);
            int start = row * LANES;
            System.arraycopy(mean.floats(), mean.offset() + row, s, MEANS, rows);
            System.arraycopy(rstd.floats(), rstd.offset() + row, s, SCALES, rows);
            sumGradients(dY.floats(), dY.offset() + start, x.floats(), x.offset() + start, gamma.floats(),
                    gamma.offset(), rows, s, sums, dGamma);
            LaneSums.sum(s, 0, Simd.whole(rows));
            LaneSums.sum(s, SECOND, Simd.whole(rows));
            addGradients(dY.floats(), dY.offset() + start, x.floats(), x.offset() + start, gamma.floats(),
                    gamma.offset(), dX.floats(), dX.offset() + start, rows, s);
        }
    }

    /** g = gamma dY and g xh of each row, and the sums of dY xh and dY. */
    private static void sumGradients(
            float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset, int rows, float[] s,
            float[] sums, int sum) {
        FloatVector factor = fromArray(FLOATS, gamma, gammaOffset);
        FloatVector dGamma = fromArray(FLOATS, sums, sum);
        FloatVector dBeta = fromArray(FLOATS, sums, sum + LANES);
        for (int r = 0; r < rows; r++) {
            FloatVector d = fromArray(FLOATS, dY, dYOffset + r * LANES);
            FloatVector h = fromArray(FLOATS, x, xOffset + r * LANES).sub(s[MEANS + r]).mul(s[SCALES + r]);
            dGamma = d.fma(h, dGamma);
            dBeta = dBeta.add(d);
            FloatVector g = d.mul(factor);
            int place = PLACES[r];
            g.intoArray(s, place);
            g.mul(h).intoArray(s, SECOND + place);
        }
        dGamma.intoArray(sums, sum);
        dBeta.intoArray(sums, sum + LANES);
    }

    private static void addGradients(
            float[] dY, int dYOffset, float[] x, int xOffset, float[] gamma, int gammaOffset, float[] dX, int dXOffset,
            int rows, float[] s) {
        FloatVector factor = fromArray(FLOATS, gamma, gammaOffset);
        for (int r = 0; r < rows; r++) {
            FloatVector scale = broadcast(FLOATS, s[SCALES + r]);
            FloatVector h = fromArray(FLOATS, x, xOffset + r * LANES).sub(s[MEANS + r]).mul(scale);
            FloatVector g = fromArray(FLOATS, dY, dYOffset + r * LANES).mul(factor).sub(s[r] / LANES);
            h.fma(broadcast(FLOATS, -s[SECOND + r] / LANES), g)
                    .fma(scale, fromArray(FLOATS, dX, dXOffset + r * LANES)).intoArray(dX, dXOffset + r * LANES);
        }
    }
}
