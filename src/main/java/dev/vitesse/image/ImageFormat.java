// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.util.Iterator;
import java.util.Locale;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import org.jspecify.annotations.Nullable;

/** The formats that are decoded. A file's first bytes tell which it is; its name says nothing. */
enum ImageFormat {
    /** A progressive file spends at least a bit on 8 x 8 pixels; odd sampling factors make that 16 x 16. */
    JPEG(8 * 16 * 16, 0xff, 0xd8, 0xff),
    /** One bit a pixel, and deflate shrinks data to a 1032nd at most. */
    PNG(8 * 1032, 0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a),
    /** Codes of 12 bits for runs of at most 4096 pixels. */
    GIF(8 * 4096 / 12 + 1, 'G', 'I', 'F', '8'),
    /** Four bytes can skip 255 x 255 pixels. */
    BMP(255 * 255 / 4 + 1, 'B', 'M'),
    /** A single colour takes no bits at all. */
    WEBP(Integer.MAX_VALUE, 'R', 'I', 'F', 'F', -1, -1, -1, -1, 'W', 'E', 'B', 'P');

    /** How many bytes {@link #of} needs to see. */
    static final int SIGNATURE_BYTES = 12;

    private final long pixelsPerByte;
    private final int[] signature;

    ImageFormat(long pixelsPerByte, int... signature) {
        this.pixelsPerByte = pixelsPerByte;
        this.signature = signature;
    }

    /** The format of a file that starts with {@code bytes}; null if it is none of these. */
    static @Nullable ImageFormat of(byte[] bytes) {
        for (ImageFormat format : values()) {
            if (format.matches(bytes)) {
                return format;
            }
        }
        return null;
    }

    private boolean matches(byte[] bytes) {
        for (int i = 0; i < signature.length; i++) {
            if (i >= bytes.length || signature[i] >= 0 && signature[i] != (bytes[i] & 0xff)) {
                return false;
            }
        }
        return true;
    }

    /** Whether a file of {@code bytes} bytes can hold {@code pixels} pixels, however well it is compressed. */
    boolean canHold(long bytes, long pixels) {
        return pixels / pixelsPerByte <= bytes;
    }

    /**
     * The JDK's own reader, whatever plug-ins the application has: the same pixels everywhere.
     *
     * @throws IllegalStateException for {@link #WEBP}, which the JDK does not read
     */
    ImageReader reader() {
        Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(name().toLowerCase(Locale.ROOT));
        while (readers.hasNext()) {
            ImageReader reader = readers.next();
            if (reader.getClass().getModule() == ImageIO.class.getModule()) {
                return reader;
            }
        }
        throw new IllegalStateException("the JDK has no reader for " + this);
    }
}
