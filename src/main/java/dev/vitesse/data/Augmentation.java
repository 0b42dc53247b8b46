// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import java.util.SplittableRandom;

/**
 * A random affine distortion for images on a black background. What is drawn depends on seed, epoch and index alone, so
 * that a resumed run sees the same images.
 *
 * @param rotation largest angle in degrees, to either side
 * @param scale largest relative change of size, for instance 0.1 for 0.9 to 1.1
 * @param shift largest shift in pixels along each axis
 * @param seed of everything drawn
 */
public record Augmentation(float rotation, float scale, float shift, long seed) {
    public Augmentation {
        if (!(rotation >= 0 && rotation <= 180 && scale >= 0 && scale < 1 && shift >= 0)) {
            throw new IllegalArgumentException("rotation must be 0 to 180, scale at least 0 and below 1 and shift not"
                    + " negative, got " + rotation + ", " + scale + " and " + shift);
        }
    }

    /** What handwritten digits bear: 10 degrees, a tenth in size, two pixels. */
    public static Augmentation digits(long seed) {
        return new Augmentation(10, 0.1f, 2, seed);
    }

    /** Image {@code index} as it is seen in {@code epoch}: [C, S, S]. */
    byte[] apply(ImageDataset images, int index, int epoch) {
        SplittableRandom random = random(epoch, index);
        double angle = StrictMath.toRadians(rotation) * symmetric(random);
        double zoom = 1 + scale * symmetric(random);
        double shiftX = shift * symmetric(random);
        double shiftY = shift * symmetric(random);
        double cos = StrictMath.cos(angle) / zoom;
        double sin = StrictMath.sin(angle) / zoom;
        int size = images.size();
        double centre = (size - 1) / 2.0;
        byte[] source = images.image(index);
        byte[] target = new byte[source.length];
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                // Backwards: where this pixel came from.
                double dx = x - centre - shiftX;
                double dy = y - centre - shiftY;
                double sourceX = centre + cos * dx + sin * dy;
                double sourceY = centre - sin * dx + cos * dy;
                for (int c = 0; c < images.channels(); c++) {
                    double value = bilinear(source, c * size * size, size, sourceX, sourceY);
                    target[c * size * size + y * size + x] = (byte) (int) (value + 0.5);
                }
            }
        }
        return target;
    }

    private SplittableRandom random(int epoch, int index) {
        long mixed = new SplittableRandom(seed + 0x9e3779b97f4a7c15L * epoch).nextLong();
        return new SplittableRandom(mixed + 0x9e3779b97f4a7c15L * index);
    }

    private static double symmetric(SplittableRandom random) {
        return 2 * random.nextDouble() - 1;
    }

    private static double bilinear(byte[] source, int offset, int size, double x, double y) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        double right = x - left;
        double low = y - top;
        return (1 - low) * ((1 - right) * at(source, offset, size, left, top)
                        + right * at(source, offset, size, left + 1, top))
                + low * ((1 - right) * at(source, offset, size, left, top + 1)
                        + right * at(source, offset, size, left + 1, top + 1));
    }

    private static int at(byte[] source, int offset, int size, int x, int y) {
        return x < 0 || y < 0 || x >= size || y >= size ? 0 : source[offset + y * size + x] & 0xff;
    }
}
