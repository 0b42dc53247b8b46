// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * The screen of a GIF, in pixels, and where on it the first image goes (GIF 89a, sections 18 and 20). ImageIO gives the
 * image alone.
 */
record GifScreen(int width, int height, int left, int top) {
    private static final int SCREEN_HEADER = 13;
    private static final int EXTENSION = 0x21;
    private static final int IMAGE = 0x2c;

    /**
     * Reads it from a file with at least one image.
     *
     * @throws IndexOutOfBoundsException if the file ends before that
     */
    static GifScreen of(byte[] file) {
        ByteBuffer gif = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int flags = gif.get(10);
        int position = SCREEN_HEADER + ((flags & 0x80) == 0 ? 0 : 3 << (flags & 7) + 1);
        while (gif.get(position) == EXTENSION) {
            position += 2;
            // An extension's data come in blocks that each start with their length, until an empty one.
            while (gif.get(position) != 0) {
                position += 1 + (gif.get(position) & 0xff);
            }
            position++;
        }
        if (gif.get(position) != IMAGE) {
            throw new IndexOutOfBoundsException("no image after the extensions");
        }
        int left = gif.getShort(position + 1) & 0xffff;
        int top = gif.getShort(position + 3) & 0xffff;
        return new GifScreen(gif.getShort(6) & 0xffff, gif.getShort(8) & 0xffff, left, top);
    }

    boolean isFilledBy(BufferedImage first) {
        return left == 0 && top == 0 && width == first.getWidth() && height == first.getHeight();
    }

    /** This screen, larger where that is needed to hold {@code first}. */
    GifScreen around(BufferedImage first) {
        return new GifScreen(Math.max(width, left + first.getWidth()), Math.max(height, top + first.getHeight()), left,
                top);
    }

    /** {@code first} at its place; around it, as in Pillow, the transparent colour, or the palette's first. */
    BufferedImage show(BufferedImage first) {
        IndexColorModel palette = (IndexColorModel) first.getColorModel();
        BufferedImage screen = new BufferedImage(width, height, BufferedImage.TYPE_BYTE_INDEXED, palette);
        int around = Math.max(0, palette.getTransparentPixel());
        int[] row = new int[width];
        Arrays.fill(row, around);
        for (int y = 0; y < height; y++) {
            screen.getRaster().setPixels(0, y, width, 1, row);
        }
        screen.getRaster().setRect(left, top, first.getRaster());
        return screen;
    }
}
