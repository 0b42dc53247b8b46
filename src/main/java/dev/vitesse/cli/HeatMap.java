// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Image;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.image.Resampling;
import java.awt.image.BufferedImage;

/** A map of weights over the picture that they belong to: the picture in grey, the weights from black to yellow. */
final class HeatMap {
    private static final int LONGEST_SIDE = 1024;
    private static final int SHORTEST_SIDE = 448;
    private static final double OPACITY = 0.6;
    /** What the model does not see is shown that bright. */
    private static final double OUTSIDE = 0.35;
    /** Colours of growing lightness, so that the map can be read in grey too (the colour map inferno, by eighths). */
    private static final int[] COLOURS = {
        0x000004, 0x1f0c48, 0x550f6d, 0x88226a, 0xba3655, 0xe35933, 0xf98c0a, 0xf9c932, 0xfcffa4
    };

    private HeatMap() {}

    /**
     * Draws the map; its smallest weight gets the darkest colour, its largest the lightest.
     *
     * @param map [grid, grid]
     * @param region of the image on which the grid lies
     */
    static BufferedImage of(Image image, float[] map, int grid, Preprocessing.Region region) {
        double scale = scale(image.width(), image.height());
        int width = Math.max(1, (int) Math.round(image.width() * scale));
        int height = Math.max(1, (int) Math.round(image.height() * scale));
        // Enlarged pixels stay visible as such.
        Image grey = Resampling.resize(image.withChannels(1), width, height, scale > 1 ? Filter.BOX : Filter.BICUBIC);
        int left = (int) Math.round(region.left() * scale);
        int top = (int) Math.round(region.top() * scale);
        int right = Math.min(width, left + Math.max(1, (int) Math.round(region.width() * scale)));
        int bottom = Math.min(height, top + Math.max(1, (int) Math.round(region.height() * scale)));
        byte[] heat = Resampling.resize(bytes(map, grid), right - left, bottom - top, Filter.BICUBIC).pixels();

        BufferedImage picture = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int luma = grey.pixels()[y * width + x] & 0xff;
                boolean inside = x >= left && x < right && y >= top && y < bottom;
                int weight = inside ? heat[(y - top) * (right - left) + x - left] & 0xff : 0;
                picture.setRGB(x, y, inside ? blend(luma, colour(weight)) : grey(luma * OUTSIDE));
            }
        }
        return picture;
    }

    private static double scale(int width, int height) {
        double enlarged = Math.max(1, (double) SHORTEST_SIDE / Math.min(width, height));
        return Math.min(enlarged, (double) LONGEST_SIDE / Math.max(width, height));
    }

    private static Image bytes(float[] map, int grid) {
        float smallest = Float.POSITIVE_INFINITY;
        float largest = Float.NEGATIVE_INFINITY;
        for (float weight : map) {
            smallest = Math.min(smallest, weight);
            largest = Math.max(largest, weight);
        }
        byte[] pixels = new byte[map.length];
        for (int i = 0; i < map.length && largest > smallest; i++) {
            pixels[i] = (byte) Math.round(255 * (map[i] - smallest) / (largest - smallest));
        }
        return new Image(grid, grid, 1, pixels);
    }

    private static int colour(int weight) {
        double position = weight / 255.0 * (COLOURS.length - 1);
        int index = Math.min((int) position, COLOURS.length - 2);
        double share = position - index;
        int mixed = 0;
        for (int shift = 0; shift < 24; shift += 8) {
            double from = COLOURS[index] >> shift & 0xff;
            double to = COLOURS[index + 1] >> shift & 0xff;
            mixed |= (int) Math.round(from + share * (to - from)) << shift;
        }
        return mixed;
    }

    private static int blend(int luma, int colour) {
        int mixed = 0;
        for (int shift = 0; shift < 24; shift += 8) {
            mixed |= (int) Math.round((1 - OPACITY) * luma + OPACITY * (colour >> shift & 0xff)) << shift;
        }
        return mixed;
    }

    private static int grey(double luma) {
        return (int) Math.round(luma) * 0x010101;
    }
}
