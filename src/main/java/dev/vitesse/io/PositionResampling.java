// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.util.Arrays;

/**
 * How libraries fit learned positions to another number of patches: the positions of the patches are an image of D
 * channels, which is resized; those of the tokens before them stay as they are.
 */
public enum PositionResampling {
    /** Bicubic with antialiasing: timm's resample_abs_pos_embed, and Hugging Face's DINOv2 with registers. */
    TIMM("bicubic, antialiased"),
    /** Bicubic: interpolate_pos_encoding of Hugging Face's ViT, DeiT and DINOv2. */
    HUGGING_FACE("bicubic"),
    /** Bicubic between the centres of the corner patches: torchvision's interpolate_embeddings. */
    TORCHVISION("bicubic, align_corners"),
    /** Bilinear between the centres of the corner patches: scipy.ndimage.zoom of order 1. */
    GOOGLE("bilinear, align_corners"),
    /** Bicubic, with a tenth of a patch added to the new size when the scale is computed: Meta's DINOv2. */
    META_DINOV2("bicubic, scale + 0.1");

    /** Of PyTorch's bicubic; with antialiasing it takes Pillow's -0.5. */
    private static final double CUBIC = -0.75;

    private static final double CUBIC_ANTIALIASED = -0.5;

    private final String title;

    PositionResampling(String title) {
        this.title = title;
    }

    /** The filter in words. */
    public String title() {
        return title;
    }

    /**
     * For each output position, the input positions it is summed over (some perhaps twice) and their weights.
     */
    private record Coefficients(int[][] inputs, double[][] weights) {}

    /**
     * Resizes a square grid.
     *
     * @param positions [Q, D]; the last {@code side} x {@code side} rows are the patches'
     * @return [Q - side side + newSide newSide, D]
     */
    float[] apply(float[] positions, int width, int side, int newSide) {
        int prefix = positions.length - side * side * width;
        float[] resized = Arrays.copyOf(positions, prefix + Math.multiplyExact(newSide * newSide, width));
        Coefficients c = coefficients(side, newSide);
        double[] rows = new double[newSide * side * width];
        for (int y = 0; y < newSide; y++) {
            for (int i = 0; i < c.inputs()[y].length; i++) {
                int source = prefix + c.inputs()[y][i] * side * width;
                for (int k = 0; k < side * width; k++) {
                    rows[y * side * width + k] += c.weights()[y][i] * positions[source + k];
                }
            }
        }
        double[] sum = new double[width];
        for (int y = 0; y < newSide; y++) {
            for (int x = 0; x < newSide; x++) {
                Arrays.fill(sum, 0);
                for (int i = 0; i < c.inputs()[x].length; i++) {
                    int source = (y * side + c.inputs()[x][i]) * width;
                    for (int k = 0; k < width; k++) {
                        sum[k] += c.weights()[x][i] * rows[source + k];
                    }
                }
                for (int k = 0; k < width; k++) {
                    resized[prefix + (y * newSide + x) * width + k] = (float) sum[k];
                }
            }
        }
        return resized;
    }

    private Coefficients coefficients(int inputs, int outputs) {
        Coefficients c = new Coefficients(new int[outputs][], new double[outputs][]);
        for (int i = 0; i < outputs; i++) {
            if (this == TIMM) {
                antialiased(c, i, inputs, outputs);
            } else {
                interpolated(c, i, inputs, centre(i, inputs, outputs));
            }
        }
        return c;
    }

    /** Where output {@code i} lies among the inputs, whose centres are the integers. */
    private double centre(int i, int inputs, int outputs) {
        return switch (this) {
            case TORCHVISION, GOOGLE -> outputs == 1 ? 0 : i * (inputs - 1) / (double) (outputs - 1);
            case META_DINOV2 -> (i + 0.5) * (inputs / (outputs + 0.1)) - 0.5;
            default -> (i + 0.5) * inputs / outputs - 0.5;
        };
    }

    /** The cubic's four neighbours or the line's two; beyond the border its last input counts. */
    private void interpolated(Coefficients c, int i, int inputs, double centre) {
        int floor = (int) Math.floor(centre);
        double fraction = centre - floor;
        int first = this == GOOGLE ? floor : floor - 1;
        double[] weights = this == GOOGLE ? new double[] {1 - fraction, fraction} : new double[] {
            cubic(1 + fraction, CUBIC), cubic(fraction, CUBIC), cubic(1 - fraction, CUBIC), cubic(2 - fraction, CUBIC)
        };
        c.weights()[i] = weights;
        c.inputs()[i] = new int[weights.length];
        for (int j = 0; j < weights.length; j++) {
            c.inputs()[i][j] = Math.clamp(first + j, 0, inputs - 1);
        }
    }

    /** The filter is stretched where the grid shrinks, cut off at the border, and its weights sum to one. */
    private static void antialiased(Coefficients c, int i, int inputs, int outputs) {
        double scale = (double) inputs / outputs;
        double stretch = Math.max(scale, 1);
        double centre = (i + 0.5) * scale;
        int first = Math.max(0, (int) (centre - 2 * stretch + 0.5));
        int end = Math.min(inputs, (int) (centre + 2 * stretch + 0.5));
        double[] weights = new double[end - first];
        int[] indices = new int[end - first];
        double sum = 0;
        for (int j = 0; j < weights.length; j++) {
            indices[j] = first + j;
            weights[j] = cubic(Math.abs((first + j - centre + 0.5) / stretch), CUBIC_ANTIALIASED);
            sum += weights[j];
        }
        for (int j = 0; j < weights.length; j++) {
            weights[j] /= sum;
        }
        c.inputs()[i] = indices;
        c.weights()[i] = weights;
    }

    /** Keys's cubic convolution at distance {@code d}. */
    private static double cubic(double d, double a) {
        if (d < 1) {
            return ((a + 2) * d - (a + 3)) * d * d + 1;
        }
        return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    }
}
