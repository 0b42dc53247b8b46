// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.util.Locale;

/**
 * The interpolation filters of Pillow's {@code Image.resize}; when an image shrinks, each is stretched by the scale,
 * which is Pillow's antialiasing.
 */
public enum Filter {
    BOX(0.5),
    BILINEAR(1),
    /** Keys's cubic convolution with a = -0.5. */
    BICUBIC(2),
    /** Lanczos's windowed sinc with three lobes. */
    LANCZOS(3);

    private final double support;

    Filter(double support) {
        this.support = support;
    }

    /** Half the filter's width, in pixels of the larger of source and target. */
    double support() {
        return support;
    }

    /** The weight at distance {@code x} from the filter's centre. */
    double weight(double x) {
        double d = Math.abs(x);
        return switch (this) {
            // Half-open, so that a pixel on the border of two boxes belongs to one of them.
            case BOX -> x > -0.5 && x <= 0.5 ? 1 : 0;
            case BILINEAR -> d < 1 ? 1 - d : 0;
            case BICUBIC -> cubic(d);
            case LANCZOS -> x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
        };
    }

    private static double cubic(double d) {
        double a = -0.5;
        if (d < 1) {
            return ((a + 2) * d - (a + 3)) * d * d + 1;
        }
        return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    }

    private static double sinc(double x) {
        return x == 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    }

    /** The name in configuration files: {@code bilinear}. */
    public String key() {
        return name().toLowerCase(Locale.ROOT);
    }
}
