// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * How a camera was held: the orientation in a JPEG's Exif data (Exif 2.32, tag 0x0112, values 1 to 8). Damaged Exif
 * data count as none: they say nothing about the pixels.
 */
final class Orientation {
    static final int UPRIGHT = 1;

    /** Segments before the image data are at most 64 KiB each; Exif's is among the first. */
    private static final int SEARCHED = 4 << 16;

    private static final int START_OF_IMAGE = 0xffd8;
    private static final int START_OF_SCAN = 0xffda;
    private static final int APP1 = 0xffe1;
    private static final int TAG = 0x0112;

    private Orientation() {}

    /** The orientation of {@code path}; {@link #UPRIGHT} if it is no JPEG or does not say. */
    static int of(Path path) throws IOException {
        try (InputStream in = Files.newInputStream(path)) {
            return find(ByteBuffer.wrap(in.readNBytes(SEARCHED)));
        } catch (IndexOutOfBoundsException e) {
            return UPRIGHT;
        }
    }

    private static int find(ByteBuffer jpeg) {
        if ((jpeg.getShort(0) & 0xffff) != START_OF_IMAGE) {
            return UPRIGHT;
        }
        int position = 2;
        while (true) {
            int marker = jpeg.getShort(position) & 0xffff;
            int length = jpeg.getShort(position + 2) & 0xffff;
            if (marker < 0xff00 || marker == START_OF_SCAN || length < 2) {
                return UPRIGHT;
            }
            if (marker == APP1 && jpeg.getInt(position + 4) == 0x45786966) {
                // The letters "Exif", two zeros, then a TIFF header.
                return fromTiff(jpeg.slice(position + 10, length - 8));
            }
            position += 2 + length;
        }
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
