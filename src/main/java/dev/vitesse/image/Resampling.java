// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

/**
 * Resizes as Pillow does, bit for bit ({@code Image.resize}, after its {@code Resample.c}): first along rows, then
 * along columns, each output pixel a weighted sum of the input pixels under the filter, in 32-bit fixed point with 22
 * bits after the point and rounded to a byte after each pass.
 */
public final class Resampling {
    /** 32 bits less 8 of the pixel and 2 for filters whose weights overshoot. */
    private static final int PRECISION = 32 - 8 - 2;

    private Resampling() {}

    /**
     * For each output position, the input positions it is summed over and their weights.
     *
     * @param first the first input position of each output position
     * @param weights fixed-point weights from there on, as many as there are positions
     */
    private record Coefficients(int[] first, int[][] weights) {
        static Coefficients of(Filter filter, int inputs, int outputs) {
            double scale = (double) inputs / outputs;
            double stretch = Math.max(scale, 1);
            double support = filter.support() * stretch;
            int[] first = new int[outputs];
            int[][] weights = new int[outputs][];
            for (int i = 0; i < outputs; i++) {
                double centre = (i + 0.5) * scale;
                first[i] = Math.max(0, (int) (centre - support + 0.5));
                int end = Math.min(inputs, (int) (centre + support + 0.5));
                weights[i] = fixedPoint(filter, first[i], end - first[i], centre, 1 / stretch);
            }
            return new Coefficients(first, weights);
        }

        private static int[] fixedPoint(Filter filter, int first, int count, double centre, double squeeze) {
            double[] weights = new double[count];
            double sum = 0;
            for (int i = 0; i < count; i++) {
                weights[i] = filter.weight((i + first - centre + 0.5) * squeeze);
                sum += weights[i];
            }
            int[] fixed = new int[count];
            for (int i = 0; i < count; i++) {
                double normalized = sum == 0 ? weights[i] : weights[i] / sum;
                fixed[i] = (int) (normalized * (1 << PRECISION) + (normalized < 0 ? -0.5 : 0.5));
            }
            return fixed;
        }
    }

    /**
     * Resizes to {@code width} x {@code height}; a side that stays as it is costs no pass.
     *
     * @throws IllegalArgumentException if a side is not positive
     */
    public static Image resize(Image image, int width, int height, Filter filter) {
        if (width <= 0 || height <= 0) {
            throw new IllegalArgumentException("cannot resize to " + width + " x " + height);
        }
        Image result = image;
        if (width != result.width()) {
            result = horizontal(result, width, Coefficients.of(filter, result.width(), width));
        }
        if (height != result.height()) {
            result = vertical(result, height, Coefficients.of(filter, result.height(), height));
        }
        return result;
    }

    private static Image horizontal(Image image, int width, Coefficients coefficients) {
        int channels = image.channels();
        byte[] source = image.pixels();
        int[] first = coefficients.first();
        int[][] weights = coefficients.weights();
        byte[] target = new byte[Math.multiplyExact(Math.multiplyExact(width, image.height()), channels)];
        int next = 0;
        for (int y = 0; y < image.height(); y++) {
            int row = y * image.width() * channels;
            for (int x = 0; x < width; x++) {
                int start = row + first[x] * channels;
                for (int c = 0; c < channels; c++) {
                    target[next++] = sum(source, start + c, channels, weights[x]);
                }
            }
        }
        return new Image(width, image.height(), channels, target);
    }

    private static Image vertical(Image image, int height, Coefficients coefficients) {
        int stride = image.width() * image.channels();
        byte[] source = image.pixels();
        byte[] target = new byte[Math.multiplyExact(stride, height)];
        for (int y = 0; y < height; y++) {
            int start = coefficients.first()[y] * stride;
            int[] weights = coefficients.weights()[y];
            for (int x = 0; x < stride; x++) {
                target[y * stride + x] = sum(source, start + x, stride, weights);
            }
        }
        return new Image(image.width(), height, image.channels(), target);
    }

    private static byte sum(byte[] source, int start, int stride, int[] weights) {
        int sum = 1 << PRECISION - 1;
        for (int i = 0; i < weights.length; i++) {
            sum += (source[start + i * stride] & 0xff) * weights[i];
        }
        return (byte) Math.clamp(sum >> PRECISION, 0, 255);
    }
}
