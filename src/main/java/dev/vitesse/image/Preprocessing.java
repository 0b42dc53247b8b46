// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.util.Collections;
import java.util.List;

/**
 * What a model expects to be done to an image.
 *
 * @param channels 1 for grey, 3 for RGB (C)
 * @param size side of the square result in pixels (S)
 * @param shortestSide the length to which the image's shorter side is resized before the centre is cropped; 0 to resize
 *     straight to size x size, whatever the aspect ratio
 * @param squash whether the whole image is resized to that length in both directions, whatever its aspect ratio (DeiT)
 * @param filter of the resize
 * @param mean subtracted from each channel after its bytes were divided by 255
 * @param std by which each channel is divided then
 */
public record Preprocessing(
        int channels, int size, int shortestSide, boolean squash, Filter filter, List<Float> mean, List<Float> std) {
    /** Without squashing. */
    public Preprocessing(
            int channels, int size, int shortestSide, Filter filter, List<Float> mean, List<Float> std) {
        this(channels, size, shortestSide, false, filter, mean, std);
    }

    public Preprocessing {
        require(channels == 1 || channels == 3, "channels must be 1 or 3, not " + channels);
        require(size > 0, "size must be positive, not " + size);
        require(shortestSide == 0 || shortestSide >= size,
                "the shortest side must be 0 or at least the size " + size + ", not " + shortestSide);
        require(!squash || shortestSide > 0, "squashing needs a length to squash to");
        mean = List.copyOf(mean);
        std = List.copyOf(std);
        require(mean.size() == channels && std.size() == channels,
                "mean and std must have " + channels + " entries, not " + mean.size() + " and " + std.size());
        require(mean.stream().allMatch(m -> Float.isFinite(m)), "mean must be finite, not " + mean);
        require(std.stream().allMatch(s -> Float.isFinite(s) && s > 0), "std must be positive, not " + std);
    }

    private static void require(boolean condition, String problem) {
        if (!condition) {
            throw new IllegalArgumentException(problem);
        }
    }

    /** Bilinear straight to size x size, the same mean and std for every channel. */
    public static Preprocessing squash(int channels, int size, float mean, float std) {
        return new Preprocessing(channels, size, 0, Filter.BILINEAR, Collections.nCopies(channels, mean),
                Collections.nCopies(channels, std));
    }

    /** The same for another size of the result; what is cut off stays the same share of the image. */
    public Preprocessing withSize(int newSize) {
        int newShortest = (int) Math.round((double) shortestSide * newSize / size);
        return newSize == size ? this : new Preprocessing(channels, newSize, newShortest, squash, filter, mean, std);
    }

    /**
     * Prepares an image: grey or RGB, resized as Pillow does, the centre cropped, (byte / 255 - mean) / std.
     *
     * @return [C, S, S]
     */
    public float[] apply(Image image) {
        Image square = square(image.withChannels(channels));
        float[] values = new float[channels * size * size];
        byte[] pixels = square.pixels();
        for (int c = 0; c < channels; c++) {
            float[] scaled = scaled(mean.get(c), std.get(c));
            for (int i = 0; i < size * size; i++) {
                values[c * size * size + i] = scaled[pixels[i * channels + c] & 0xff];
            }
        }
        return values;
    }

    /** What becomes of each byte: a division less for each pixel. */
    private static float[] scaled(float mean, float std) {
        float[] scaled = new float[256];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (i / 255f - mean) / std;
        }
        return scaled;
    }

    /** A part of an image, in its pixels. */
    public record Region(double left, double top, double width, double height) {}

    /** The part of an image of {@code width} x {@code height} pixels that the model sees: all, or its centre. */
    public Region region(int width, int height) {
        if (shortestSide == 0) {
            return new Region(0, 0, width, height);
        }
        double side = (double) size * Math.min(width, height) / shortestSide;
        return new Region((width - side) / 2, (height - side) / 2, side, side);
    }

    private Image square(Image image) {
        if (shortestSide == 0) {
            return Resampling.resize(image, size, size, filter);
        }
        // The longer side is rounded down, and halves of a pixel at the crop to even, as torchvision does.
        int width = squash ? shortestSide : Math.toIntExact((long) shortestSide * image.width() / Math.min(image.width(), image.height()));
        int height = squash ? shortestSide : Math.toIntExact((long) shortestSide * image.height() / Math.min(image.width(), image.height()));
        Image resized = Resampling.resize(image, width, height, filter);
        return resized.crop((int) Math.rint((width - size) / 2.0), (int) Math.rint((height - size) / 2.0), size, size);
    }
}
