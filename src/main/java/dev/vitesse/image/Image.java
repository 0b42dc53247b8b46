// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.util.Objects;

/**
 * A decoded image.
 *
 * @param width in pixels
 * @param height in pixels
 * @param channels 1 for grey, 3 for RGB
 * @param pixels row by row, the channels of a pixel together, 0 to 255: [height, width, channels]
 */
public record Image(int width, int height, int channels, byte[] pixels) {
    public Image {
        if (width <= 0 || height <= 0 || channels != 1 && channels != 3
                || pixels.length != (long) width * height * channels) {
            throw new IllegalArgumentException(
                    pixels.length + " bytes are not " + width + " x " + height + " pixels of " + channels
                            + " channels");
        }
    }

    /**
     * The image in grey (1) or RGB (3). Grey is the luma of ITU-R BT.601 in Pillow's fixed-point form.
     *
     * @throws IllegalArgumentException if {@code wanted} is neither
     */
    public Image withChannels(int wanted) {
        if (wanted == channels) {
            return this;
        }
        byte[] converted = new byte[Math.multiplyExact(Math.multiplyExact(width, height), wanted)];
        for (int i = 0; i < width * height; i++) {
            if (wanted == 3) {
                converted[3 * i] = converted[3 * i + 1] = converted[3 * i + 2] = pixels[i];
            } else {
                int red = pixels[3 * i] & 0xff;
                int green = pixels[3 * i + 1] & 0xff;
                int blue = pixels[3 * i + 2] & 0xff;
                converted[i] = (byte) (red * 19595 + green * 38470 + blue * 7471 + 0x8000 >> 16);
            }
        }
        return new Image(width, height, wanted, converted);
    }

    /** The part of {@code width} x {@code height} pixels whose first one is at ({@code left}, {@code top}). */
    public Image crop(int left, int top, int width, int height) {
        Objects.checkFromIndexSize(left, width, this.width);
        Objects.checkFromIndexSize(top, height, this.height);
        byte[] part = new byte[width * height * channels];
        for (int y = 0; y < height; y++) {
            System.arraycopy(pixels, ((top + y) * this.width + left) * channels, part, y * width * channels,
                    width * channels);
        }
        return new Image(width, height, channels, part);
    }
}
