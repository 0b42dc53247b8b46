// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Layer normalisation, forward and backward, of rows of eight elements: the formulas of {@link CpuNorm} but for the mean.
 * A row is two vectors of four, whose sum comes into all lanes by being added to itself with lanes exchanged: within 128
 * bits that takes a cycle, across them several.
 */
final class NarrowNorm {
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;
    private static final int HALF = FOUR.length();
    private static final int WIDTH = 2 * HALF;
    /** Rows of a group, of which all steps find the results of the one before in the first-level cache. */
    private static final int ROWS = 128;
    // Parts of the working memory: a number for each row, and behind the last what a whole vector needs.
    private static final int MEANS = 0;
    private static final int SQUARES = ROWS + LANES;
    private static final int SCALES = 2 * (ROWS + LANES);
    static final int SCRATCH = 3 * (ROWS + LANES);

    private static final VectorShuffle<Float> SWAP_NEIGHBOURS = VectorShuffle.fromOp(FOUR, lane -> lane ^ 1);
    private static final VectorShuffle<Float> SWAP_PAIRS = VectorShuffle.fromOp(FOUR, lane -> lane ^ 2);

    private NarrowNorm() {}

    static boolean suits(int width) {
        return width == WIDTH;
    }

    /** Rows {@code first} to {@code end - 1}. */
    static void forward(
            float[] s, CpuTensor y, CpuTensor mean, CpuTensor rstd, CpuTensor x, CpuTensor gamma, CpuTensor beta,
            float epsilon, int first, int end) {
        for (int row = first; row < end; row += ROWS) {
            int rows = Math.min(ROWS, end - row);
            int start = row * WIDTH;
            center(x.floats(), x.offset() + start, y.floats(), y.offset() + start, rows, s);
            for (int r = 0; r < rows; r += LANES) {
                FloatVector variance = fromArray(FLOATS, s, SQUARES + r).mul(1f / WIDTH);
                broadcast(FLOATS, 1).div(variance.add(epsilon).sqrt()).intoArray(s, SCALES + r);
            }
            System.arraycopy(s, MEANS, mean.floats(), mean.offset() + row, rows);
            System.arraycopy(s, SCALES, rstd.floats(), rstd.offset() + row, rows);
            scale(y.floats(), y.offset() + start, gamma.floats(), gamma.offset(), beta.floats(), beta.offset(), rows, s);
        }
    }

    /**
     * y = x - mean, and in s the mean and the sum of y's squares. The first element is taken from all others before they
     * are summed: it is never further from the mean than sqrt(7) standard deviations, so that the mean's error is small
     * against these, however large the mean.
     */
    private static void center(float[] x, int xOffset, float[] y, int yOffset, int rows, float[] s) {
        for (int r = 0; r < rows; r++) {
            FloatVector shift = broadcast(FOUR, x[xOffset + r * WIDTH]);
            FloatVector low = fromArray(FOUR, x, xOffset + r * WIDTH).sub(shift);
            FloatVector high = fromArray(FOUR, x, xOffset + r * WIDTH + HALF).sub(shift);
            FloatVector sum = low.add(high);
            sum = sum.rearrange(SWAP_PAIRS).add(sum);
            sum = sum.rearrange(SWAP_NEIGHBOURS).add(sum).mul(1f / WIDTH);
            // All lanes are the same, and all but the first are overwritten by the next rows.
            shift.add(sum).intoArray(s, MEANS + r);
            low = low.sub(sum);
            high = high.sub(sum);
            low.intoArray(y, yOffset + r * WIDTH);
            high.intoArray(y, yOffset + r * WIDTH + HALF);
            sum = low.fma(low, high.mul(high));
            sum = sum.rearrange(SWAP_PAIRS).add(sum);
            sum.rearrange(SWAP_NEIGHBOURS).add(sum).intoArray(s, SQUARES + r);
        }
    }

    private static void scale(
            float[] y, int offset, float[] gamma, int gammaOffset, float[] beta, int betaOffset, int rows, float[] s) {
        FloatVector gammaLow = fromArray(FOUR, gamma, gammaOffset);
        FloatVector gammaHigh = fromArray(FOUR, gamma, gammaOffset + HALF);
        FloatVector betaLow = fromArray(FOUR, beta, betaOffset);
        FloatVector betaHigh = fromArray(FOUR, beta, betaOffset + HALF);
        for (int r = 0; r < rows; r++) {
            FloatVector rstd = broadcast(FOUR, s[SCALES + r]);
            int row = offset + r * WIDTH;
            fromArray(FOUR, y, row).mul(rstd).fma(gammaLow, betaLow).intoArray(y, row);
            fromArray(FOUR, y, row + HALF).mul(rstd).fma(gammaHigh, betaHigh).intoArray(y, row + HALF);
        }
    }

    /** Rows {@code first} to {@code end - 1}; adds their dGamma and dBeta to sums[dGamma] and behind. */
    static void backward(
            CpuTensor dX, CpuTensor dY, CpuTensor x, CpuTensor mean, CpuTensor rstd, CpuTensor gamma, float[] sums,
            int dGamma, int first, int end) {
        int start = first * WIDTH;
        addGradients(dX.floats(), dX.offset() + start, dY.floats(), dY.offset() + start, x.floats(), x.offset() + start,
                mean.floats(), mean.offset() + first, rstd.floats(), rstd.offset() + first, gamma.floats(),
                gamma.offset(), sums, dGamma, end - first);
    }

    private static void addGradients(
            float[] dX, int dXOffset, float[] dY, int dYOffset, float[] x, int xOffset, float[] mean, int meanOffset,
            float[] rstd, int rstdOffset, float[] gamma, int gammaOffset, float[] sums, int sum, int rows) {
        FloatVector gammaLow = fromArray(FOUR, gamma, gammaOffset);
        FloatVector gammaHigh = fromArray(FOUR, gamma, gammaOffset + HALF);
        FloatVector dGammaLow = fromArray(FOUR, sums, sum);
        FloatVector dGammaHigh = fromArray(FOUR, sums, sum + HALF);
        FloatVector dBetaLow = fromArray(FOUR, sums, sum + WIDTH);
        FloatVector dBetaHigh = fromArray(FOUR, sums, sum + WIDTH + HALF);
        for (int r = 0; r < rows; r++) {
            FloatVector scale = broadcast(FOUR, rstd[rstdOffset + r]);
            FloatVector center = broadcast(FOUR, mean[meanOffset + r]);
            FloatVector xLow = fromArray(FOUR, x, xOffset + r * WIDTH).sub(center).mul(scale);
            FloatVector xHigh = fromArray(FOUR, x, xOffset + r * WIDTH + HALF).sub(center).mul(scale);
            FloatVector gLow = fromArray(FOUR, dY, dYOffset + r * WIDTH);
            FloatVector gHigh = fromArray(FOUR, dY, dYOffset + r * WIDTH + HALF);
            dGammaLow = gLow.fma(xLow, dGammaLow);
            dGammaHigh = gHigh.fma(xHigh, dGammaHigh);
            dBetaLow = gLow.add(dBetaLow);
            dBetaHigh = gHigh.add(dBetaHigh);
            gLow = gLow.mul(gammaLow);
            gHigh = gHigh.mul(gammaHigh);
            FloatVector g = gLow.add(gHigh);
            g = g.rearrange(SWAP_PAIRS).add(g);
            g = g.rearrange(SWAP_NEIGHBOURS).add(g).mul(-1f / WIDTH);
            FloatVector gx = gLow.fma(xLow, gHigh.mul(xHigh));
            gx = gx.rearrange(SWAP_PAIRS).add(gx);
            gx = gx.rearrange(SWAP_NEIGHBOURS).add(gx).mul(-1f / WIDTH);
            int to = dXOffset + r * WIDTH;
            xLow.fma(gx, gLow.add(g)).fma(scale, fromArray(FOUR, dX, to)).intoArray(dX, to);
            xHigh.fma(gx, gHigh.add(g)).fma(scale, fromArray(FOUR, dX, to + HALF)).intoArray(dX, to + HALF);
        }
        dGammaLow.intoArray(sums, sum);
        dGammaHigh.intoArray(sums, sum + HALF);
        dBetaLow.intoArray(sums, sum + WIDTH);
        dBetaHigh.intoArray(sums, sum + WIDTH + HALF);
    }
}
