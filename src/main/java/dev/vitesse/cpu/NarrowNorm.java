// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/**
 * Layer normalisation, forward and backward, of rows that are one vector long: the formulas of {@link CpuNorm} but for
 * the mean. A row stays in a register, where its sum comes into all lanes: the vector is added to itself with its halves
 * exchanged, then its quarters, and so on.
 */
final class NarrowNorm {
    /** Rows of a group, of which all steps find the results of the one before in the first-level cache. */
    private static final int ROWS = 128;
    // Parts of the working memory: a number for each row, and behind the last what a whole vector needs.
    private static final int MEANS = 0;
    private static final int SQUARES = ROWS + LANES;
    private static final int SCALES = 2 * (ROWS + LANES);
    static final int SCRATCH = 3 * (ROWS + LANES);

    private static final VectorShuffle<Float> SWAP_1 = swap(1);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_8 = swap(8);

    private NarrowNorm() {}

    /** Exchanges blocks of {@code size} lanes with their neighbours. */
    private static VectorShuffle<Float> swap(int size) {
        return VectorShuffle.fromOp(FLOATS, lane -> (lane ^ size) % LANES);
    }

    static boolean suits(int width) {
        return width == LANES;
    }

    /** Rows {@code first} to {@code end - 1}. */
    static void forward(
            float[] s, CpuTensor y, CpuTensor mean, CpuTensor rstd, CpuTensor x, CpuTensor gamma, CpuTensor beta,
            float epsilon, int first, int end) {
        for (int row = first; row < end; row += ROWS) {
            int rows = Math.min(ROWS, end - row);
            int start = row * LANES;
            center(x.floats(), x.offset() + start, y.floats(), y.offset() + start, rows, s);
            for (int r = 0; r < rows; r += LANES) {
                FloatVector variance = fromArray(FLOATS, s, SQUARES + r).mul(1f / LANES);
                broadcast(FLOATS, 1).div(variance.add(epsilon).sqrt()).intoArray(s, SCALES + r);
            }
            System.arraycopy(s, MEANS, mean.floats(), mean.offset() + row, rows);
            System.arraycopy(s, SCALES, rstd.floats(), rstd.offset() + row, rows);
            scale(y.floats(), y.offset() + start, gamma.floats(), gamma.offset(), beta.floats(), beta.offset(), rows, s);
        }
    }

    /**
     * y = x - mean, and in s the mean and the sum of y's squares. The first element is taken from all others before they
     * are summed: it is never further from the mean than sqrt(LANES - 1) standard deviations, so that the mean's error is
     * small against these, however large the mean.
     */
    private static void center(float[] x, int xOffset, float[] y, int yOffset, int rows, float[] s) {
        for (int r = 0; r < rows; r++) {
            FloatVector shift = broadcast(FLOATS, x[xOffset + r * LANES]);
            FloatVector v = fromArray(FLOATS, x, xOffset + r * LANES).sub(shift);
            FloatVector sum = v.rearrange(SWAP_1).add(v);
            sum = sum.rearrange(SWAP_2).add(sum);
            sum = LANES > 4 ? sum.rearrange(SWAP_4).add(sum) : sum;
            sum = LANES > 8 ? sum.rearrange(SWAP_8).add(sum) : sum;
            v = sum.fma(broadcast(FLOATS, -1f / LANES), v);
            v.intoArray(y, yOffset + r * LANES);
            // All lanes are the same, and all but the first are overwritten by the next rows.
            sum.fma(broadcast(FLOATS, 1f / LANES), shift).intoArray(s, MEANS + r);
            v = v.mul(v);
            v = v.rearrange(SWAP_1).add(v);
            v = v.rearrange(SWAP_2).add(v);
            v = LANES > 4 ? v.rearrange(SWAP_4).add(v) : v;
            v = LANES > 8 ? v.rearrange(SWAP_8).add(v) : v;
            v.intoArray(s, SQUARES + r);
        }
    }

    private static void scale(
            float[] y, int offset, float[] gamma, int gammaOffset, float[] beta, int betaOffset, int rows, float[] s) {
        FloatVector factor = fromArray(FLOATS, gamma, gammaOffset);
        FloatVector shift = fromArray(FLOATS, beta, betaOffset);
        for (int r = 0; r < rows; r++) {
            fromArray(FLOATS, y, offset + r * LANES).mul(s[SCALES + r]).fma(factor, shift)
                    .intoArray(y, offset + r * LANES);
        }
    }

    /** Rows {@code first} to {@code end - 1}; adds their dGamma and dBeta to sums[dGamma] and behind. */
    static void backward(
            CpuTensor dX, CpuTensor dY, CpuTensor x, CpuTensor mean, CpuTensor rstd, CpuTensor gamma, float[] sums,
            int dGamma, int first, int end) {
        int start = first * LANES;
        addGradients(dX.floats(), dX.offset() + start, dY.floats(), dY.offset() + start, x.floats(), x.offset() + start,
                mean.floats(), mean.offset() + first, rstd.floats(), rstd.offset() + first, gamma.floats(),
                gamma.offset(), sums, dGamma, end - first);
    }

    private static void addGradients(
            float[] dX, int dXOffset, float[] dY, int dYOffset, float[] x, int xOffset, float[] mean, int meanOffset,
            float[] rstd, int rstdOffset, float[] gamma, int gammaOffset, float[] sums, int sum, int rows) {
        FloatVector factor = fromArray(FLOATS, gamma, gammaOffset);
        FloatVector dGamma = fromArray(FLOATS, sums, sum);
        FloatVector dBeta = fromArray(FLOATS, sums, sum + LANES);
        for (int r = 0; r < rows; r++) {
            FloatVector scale = broadcast(FLOATS, rstd[rstdOffset + r]);
            FloatVector h = fromArray(FLOATS, x, xOffset + r * LANES).sub(mean[meanOffset + r]).mul(scale);
            FloatVector g = fromArray(FLOATS, dY, dYOffset + r * LANES);
            dGamma = g.fma(h, dGamma);
            dBeta = g.add(dBeta);
            g = g.mul(factor);
            FloatVector sumG = g.rearrange(SWAP_1).add(g);
            sumG = sumG.rearrange(SWAP_2).add(sumG);
            sumG = LANES > 4 ? sumG.rearrange(SWAP_4).add(sumG) : sumG;
            sumG = LANES > 8 ? sumG.rearrange(SWAP_8).add(sumG) : sumG;
            FloatVector sumGx = g.mul(h);
            sumGx = sumGx.rearrange(SWAP_1).add(sumGx);
            sumGx = sumGx.rearrange(SWAP_2).add(sumGx);
            sumGx = LANES > 4 ? sumGx.rearrange(SWAP_4).add(sumGx) : sumGx;
            sumGx = LANES > 8 ? sumGx.rearrange(SWAP_8).add(sumGx) : sumGx;
            g = sumG.fma(broadcast(FLOATS, -1f / LANES), g);
            h.fma(sumGx.mul(-1f / LANES), g).fma(scale, fromArray(FLOATS, dX, dXOffset + r * LANES))
                    .intoArray(dX, dXOffset + r * LANES);
        }
        dGamma.intoArray(sums, sum);
        dBeta.intoArray(sums, sum + LANES);
    }
}
