// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * How a camera was held: the orientation in a file's Exif data (Exif 2.32, tag 0x0112, values 1 to 8), which JPEG, PNG
 * and WebP can hold. Damaged Exif data count as none: they say nothing about the pixels.
 */
final class Orientation {
    static final int UPRIGHT = 1;

    private static final int TAG = 0x0112;
    private static final int PNG_SIGNATURE = 8;

    private Orientation() {}

    /** The orientation that {@code file} tells; {@link #UPRIGHT} if it does not say. */
    static int of(ImageFormat format, byte[] file) {
        try {
            ByteBuffer exif = switch (format) {
                case JPEG -> JpegHeader.parse(file).exif();
                case PNG -> pngExif(ByteBuffer.wrap(file));
                case WEBP -> WebP.exif(file);
                case GIF, BMP -> null;
            };
            return exif == null ? UPRIGHT : fromTiff(exif);
        } catch (IndexOutOfBoundsException e) {
            return UPRIGHT;
        }
    }

    /** The contents of PNG's chunk {@code eXIf}; each chunk is a length, four letters, contents and a checksum. */
    private static @Nullable ByteBuffer pngExif(ByteBuffer png) {
        long position = PNG_SIGNATURE;
        while (position + 12 <= png.limit()) {
            int length = png.getInt((int) position);
            if (length < 0) {
                return null;
            }
            if (png.getInt((int) position + 4) == 0x65584966) {
                return png.slice((int) position + 8, length);
            }
            position += 12L + length;
        }
        return null;
    }

    private static int fromTiff(ByteBuffer tiff) {
        tiff.order(tiff.getShort(0) == 0x4949 ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        int directory = tiff.getInt(4);
        int entries = tiff.getShort(directory) & 0xffff;
        for (int i = 0; i < entries; i++) {
            int entry = directory + 2 + 12 * i;
            if ((tiff.getShort(entry) & 0xffff) == TAG) {
                int value = tiff.getShort(entry + 8);
                return value >= 1 && value <= 8 ? value : UPRIGHT;
            }
        }
        return UPRIGHT;
    }

    /** The image as it is to be seen, like Pillow's {@code ImageOps.exif_transpose}. */
    static Image upright(Image image, int orientation) {
        if (orientation == UPRIGHT) {
            return image;
        }
        // Values from 5 on lie on their side. Of the source's axes, which run backwards in the result?
        boolean turned = orientation >= 5;
        boolean backwardsX = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean backwardsY = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        int width = turned ? image.height() : image.width();
        int height = turned ? image.width() : image.height();
        int channels = image.channels();
        byte[] pixels = new byte[image.pixels().length];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int sourceX = turned ? y : x;
                int sourceY = turned ? x : y;
                sourceX = backwardsX ? image.width() - 1 - sourceX : sourceX;
                sourceY = backwardsY ? image.height() - 1 - sourceY : sourceY;
                System.arraycopy(image.pixels(), (sourceY * image.width() + sourceX) * channels, pixels,
                        (y * width + x) * channels, channels);
            }
        }
        return new Image(width, height, channels, pixels);
    }
}
