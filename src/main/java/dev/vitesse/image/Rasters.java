// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;

/** Turns what ImageIO decodes into grey or RGB bytes, as Pillow does. */
final class Rasters {
    private Rasters() {}

    static Image toImage(BufferedImage image) {
        if (image.getColorModel() instanceof IndexColorModel) {
            return fromPalette(image);
        }
        // Samples as they are: getRGB would convert grey ones as if they were linear, and apply profiles.
        Raster raster = image.getRaster();
        int width = image.getWidth();
        int bands = raster.getNumBands();
        int channels = bands < 3 ? 1 : 3;
        int[] shifts = new int[channels];
        boolean bytes = bands == channels && raster.getTransferType() == DataBuffer.TYPE_BYTE;
        for (int c = 0; c < channels; c++) {
            shifts[c] = image.getSampleModel().getSampleSize(c) - 8;
            bytes &= shifts[c] == 0;
        }
        byte[] pixels = new byte[width * image.getHeight() * channels];
        if (bytes) {
            raster.getDataElements(raster.getMinX(), raster.getMinY(), width, image.getHeight(), pixels);
            return new Image(width, image.getHeight(), channels, pixels);
        }
        int[] row = new int[width * bands];
        int next = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int c = 0; c < channels; c++) {
                    pixels[next++] = toByte(row[x * bands + c], shifts[c]);
                }
            }
        }
        return new Image(width, image.getHeight(), channels, pixels);
    }

    /** The upper byte of a wider sample; a narrower one is stretched, so that its largest value becomes 255. */
    private static byte toByte(int sample, int shift) {
        return (byte) (shift >= 0 ? sample >> shift : sample * 255 / ((1 << shift + 8) - 1));
    }

    private static Image fromPalette(BufferedImage image) {
        int width = image.getWidth();
        int[] row = new int[width];
        byte[] pixels = new byte[3 * width * image.getHeight()];
        boolean grey = true;
        int next = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            image.getRGB(0, y, width, 1, row, 0, width);
            for (int rgb : row) {
                pixels[next++] = (byte) (rgb >> 16);
                pixels[next++] = (byte) (rgb >> 8);
                pixels[next++] = (byte) rgb;
                grey &= (rgb >> 16 & 0xff) == (rgb & 0xff) && (rgb >> 8 & 0xff) == (rgb & 0xff);
            }
        }
        Image result = new Image(width, image.getHeight(), 3, pixels);
        // ImageIO reads grey of fewer than 8 bits as a palette. Equal channels keep their value as luma.
        return grey ? result.withChannels(1) : result;
    }

    /**
     * A JPEG's cyan, magenta, yellow and black in RGB. The values are those of Adobe, which everybody stores: 255 is no
     * ink. Each colour is dimmed by the black, in Pillow's rounding.
     *
     * @param ycck whether the first three are stored as luma and chroma of the colours that the inks leave
     */
    static Image fromInks(Raster raster, boolean ycck) {
        int width = raster.getWidth();
        byte[] pixels = new byte[3 * width * raster.getHeight()];
        int[] row = new int[4 * width];
        int next = 0;
        for (int y = 0; y < raster.getHeight(); y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < row.length; x += 4) {
                if (ycck) {
                    toInks(row, x);
                }
                int black = row[x + 3];
                for (int c = 0; c < 3; c++) {
                    pixels[next++] = (byte) (black - rounded255th((255 - row[x + c]) * black));
                }
            }
        }
        return new Image(width, raster.getHeight(), 3, pixels);
    }

    /** {@code product / 255} in Pillow's rounding. */
    private static int rounded255th(int product) {
        int x = product + 128;
        return (x >> 8) + x >> 8;
    }

    /** JFIF's colour conversion, in 16-bit fixed point as libjpeg does it; what is left of white is the ink. */
    private static void toInks(int[] row, int x) {
        int luma = row[x];
        int blue = row[x + 1] - 128;
        int red = row[x + 2] - 128;
        int half = 1 << 15;
        row[x] = 255 - Math.clamp(luma + (91881 * red + half >> 16), 0, 255);
        row[x + 1] = 255 - Math.clamp(luma + (-22554 * blue - 46802 * red + half >> 16), 0, 255);
        row[x + 2] = 255 - Math.clamp(luma + (116130 * blue + half >> 16), 0, 255);
    }
}
