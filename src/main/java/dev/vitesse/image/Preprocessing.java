// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.util.List;

/**
 * What a model expects to be done to an image.
 *
 * @param channels 1 for grey, 3 for RGB (C)
 * @param size side of the square result in pixels (S)
 * @param shortestSide the length to which the image's shorter side is resized before the centre is cropped; 0 to resize
 *     straight to size x size, whatever the aspect ratio
 * @param filter of the resize
 * @param mean subtracted from each channel after its bytes were divided by 255
 * @param std by which each channel is divided then
 */
public record Preprocessing(
        int channels, int size, int shortestSide, Filter filter, List<Float> mean, List<Float> std) {
    public Preprocessing {
        require(channels == 1 || channels == 3, "channels must be 1 or 3, not " + channels);
        require(size > 0, "size must be positive, not " + size);
        require(shortestSide == 0 || shortestSide >= size,
                "the shortest side must be 0 or at least the size " + size + ", not " + shortestSide);
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
        return new Preprocessing(channels, size, 0, Filter.BILINEAR, java.util.Collections.nCopies(channels, mean),
                java.util.Collections.nCopies(channels, std));
    }
}
