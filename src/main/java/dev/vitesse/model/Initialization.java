// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Tensor;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.math3.distribution.NormalDistribution;

/**
 * Initial values of the parameters. Matrices get truncated normals, with Glorot and Bengio's variance 2/(inputs +
 * outputs) in the blocks (as in the paper's code), 1/inputs in the patch projection and 0.02 squared in the head and the
 * tokens. Positions get 0.5 squared: a projected patch starts with a variance near one, beside which the paper's 0.02
 * can hardly be seen for the first hundreds of steps. Norms start as the identity, biases at zero.
 */
final class Initialization {
    private static final double TOKEN_DEVIATION = 0.02;
    private static final double POSITION_DEVIATION = 0.5;

    /** Draws beyond two standard deviations are not taken, as in timm's {@code trunc_normal_}. */
    private static final double CUT = 2;

    /** Numbers drawn at once. */
    private static final int DRAWS = 1 << 18;

    private static final NormalDistribution NORMAL = new NormalDistribution();

    /** The standard deviation that a unit normal keeps when it is cut at +-2. */
    private static final double CUT_DEVIATION = Math.sqrt(
            1 - 2 * CUT * NORMAL.density(CUT) / (NORMAL.cumulativeProbability(CUT) - NORMAL.cumulativeProbability(-CUT)));

    private Initialization() {}

    /** Draws every parameter; each tensor's values depend on {@code seed}, its name and its shape alone. */
    static void initialize(Parameters parameters, VitConfig config, long seed) {
        for (ParameterLayout slab : parameters.layout()) {
            Tensor tensor = parameters.get(slab.name());
            float[] values = new float[Math.toIntExact(tensor.elements())];
            switch (slab.kind()) {
                case BIAS, NORM_BIAS -> {}
                case NORM_WEIGHT -> Arrays.fill(values, 1);
                case LAYER_SCALE -> Arrays.fill(values, config.layerScale());
                default -> truncatedNormal(values, deviation(slab), seed + 0x9e3779b97f4a7c15L * slab.name().hashCode());
            }
            tensor.write(values);
        }
    }

    private static double deviation(ParameterLayout slab) {
        int outputs = slab.shape()[0];
        int inputs = Math.toIntExact(slab.elements() / Math.max(1, slab.depth()) / outputs);
        return switch (slab.kind()) {
            case WEIGHT -> Math.sqrt(2.0 / (inputs + outputs));
            case PATCH_WEIGHT -> Math.sqrt(1.0 / inputs);
            case POSITION -> POSITION_DEVIATION;
            default -> TOKEN_DEVIATION;
        };
    }

    /**
     * Fills by inversion, so that every value costs one random number and never a retry. Numbers are drawn one after the
     * other and inverted on all processors, which is where the time goes.
     */
    static void truncatedNormal(float[] values, double deviation, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        double low = NORMAL.cumulativeProbability(-CUT);
        double range = NORMAL.cumulativeProbability(CUT) - low;
        double scale = deviation / CUT_DEVIATION;
        for (int start = 0; start < values.length; start += DRAWS) {
            int first = start;
            double[] draws = random.doubles(Math.min(DRAWS, values.length - start)).toArray();
            IntStream.range(0, draws.length).parallel().forEach(i -> values[first + i] =
                    (float) (scale * NORMAL.inverseCumulativeProbability(low + range * draws[i])));
        }
    }

    /** Sines at even and cosines at odd elements, wavelengths growing geometrically to 10000 2 pi: [T, D]. */
    static float[] sinusoids(int tokens, int width) {
        float[] values = new float[Math.multiplyExact(tokens, width)];
        for (int t = 0; t < tokens; t++) {
            for (int d = 0; d < width; d++) {
                double angle = t / Math.pow(10000, (d - d % 2) / (double) width);
                values[t * width + d] = (float) (d % 2 == 0 ? Math.sin(angle) : Math.cos(angle));
            }
        }
        return values;
    }
}
