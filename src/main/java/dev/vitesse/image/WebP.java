// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;
import org.ngengine.webp.decoder.DecodedWebP;
import org.ngengine.webp.decoder.WebPDecodeException;
import org.ngengine.webp.decoder.WebPDecoder;

/**
 * The image in a WebP file, of an animation the first one, found in its container (RFC 9649): chunks of four letters,
 * a length and contents. Only the chunk with the colours goes to the decoder. Transparency has one of its own, which is
 * left out like that of every format.
 *
 * @param canvasWidth of the whole picture, of which an animation's first image may be a part
 * @param left where the image is on the canvas
 * @param chunk the image's data, {@code VP8 } (lossy) or {@code VP8L} (lossless), with letters and length
 */
record WebP(int canvasWidth, int canvasHeight, int left, int top, int width, int height, ByteBuffer chunk) {
    private static final int CONTAINER_HEADER = 12;
    private static final int CHUNK_HEADER = 8;
    private static final int FRAME_HEADER = 16;

    private static final int RIFF = letters("RIFF");
    private static final int WEBP = letters("WEBP");
    private static final int LOSSY = letters("VP8 ");
    private static final int LOSSLESS = letters("VP8L");
    private static final int CANVAS = letters("VP8X");
    private static final int FRAME = letters("ANMF");
    private static final int EXIF = letters("EXIF");

    /** Finds the image; null if the file ends before it does. */
    static @Nullable WebP parse(byte[] file) {
        ByteBuffer container = container(file);
        long announced = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getInt(4) & 0xffffffffL;
        if (announced > file.length - CHUNK_HEADER) {
            return null;
        }
        ByteBuffer whole = firstImage(container);
        if (whole != null) {
            return withSize(whole, 0, 0, null);
        }
        ByteBuffer canvas = find(container, CANVAS);
        ByteBuffer frame = find(container, FRAME);
        if (canvas == null || frame == null || frame.limit() < CHUNK_HEADER + FRAME_HEADER) {
            return null;
        }
        ByteBuffer body = slice(frame, CHUNK_HEADER);
        ByteBuffer image = firstImage(slice(body, FRAME_HEADER));
        // Offsets are stored halved.
        return image == null ? null : withSize(image, 2 * uint24(body, 0), 2 * uint24(body, 3), canvas);
    }

    private static @Nullable ByteBuffer firstImage(ByteBuffer chunks) {
        ByteBuffer lossy = find(chunks, LOSSY);
        return lossy == null ? find(chunks, LOSSLESS) : lossy;
    }

    /** The size is in the image's own header, after a tag and a start code or a signature. */
    private static @Nullable WebP withSize(ByteBuffer chunk, int left, int top, @Nullable ByteBuffer canvas) {
        boolean lossy = chunk.getInt(0) == LOSSY;
        if (chunk.limit() < CHUNK_HEADER + (lossy ? 10 : 5)) {
            return null;
        }
        int size = chunk.getInt(CHUNK_HEADER + (lossy ? 6 : 1));
        int width = lossy ? size & 0x3fff : (size & 0x3fff) + 1;
        int height = lossy ? size >> 16 & 0x3fff : (size >> 14 & 0x3fff) + 1;
        if (canvas == null) {
            return new WebP(width, height, 0, 0, width, height, chunk);
        }
        if (canvas.limit() < CHUNK_HEADER + 10) {
            return null;
        }
        return new WebP(uint24(canvas, CHUNK_HEADER + 4) + 1, uint24(canvas, CHUNK_HEADER + 7) + 1, left, top, width,
                height, chunk);
    }

    /** Decodes the image, on a black canvas if it does not fill it. */
    Image decode() throws WebPDecodeException {
        if (left + width > canvasWidth || top + height > canvasHeight) {
            throw new WebPDecodeException("its first image is not within its canvas");
        }
        int padded = chunk.limit() + chunk.limit() % 2;
        ByteBuffer simple = ByteBuffer.allocate(CONTAINER_HEADER + padded).order(ByteOrder.LITTLE_ENDIAN);
        simple.putInt(RIFF).putInt(4 + padded).putInt(WEBP).put(chunk.duplicate());
        DecodedWebP decoded = WebPDecoder.decode(simple.array());
        byte[] pixels = new byte[3 * canvasWidth * canvasHeight];
        for (int y = 0; y < height; y++) {
            int target = 3 * ((top + y) * canvasWidth + left);
            for (int source = 4 * y * width; source < 4 * (y + 1) * width; source += 4) {
                decoded.rgba.get(source, pixels, target, 3);
                target += 3;
            }
        }
        return new Image(canvasWidth, canvasHeight, 3, pixels);
    }

    /** The TIFF structure with the camera's data; null if there is none. */
    static @Nullable ByteBuffer exif(byte[] file) {
        ByteBuffer chunk = find(container(file), EXIF);
        if (chunk == null) {
            return null;
        }
        // Some programs write JPEG's prefix too: the letters "Exif" and two zeros.
        boolean prefixed = chunk.limit() > CHUNK_HEADER + 6 && chunk.getInt(CHUNK_HEADER) == letters("Exif");
        return slice(chunk, CHUNK_HEADER + (prefixed ? 6 : 0));
    }

    private static ByteBuffer container(byte[] file) {
        return slice(ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN), CONTAINER_HEADER);
    }

    /** The first chunk of a kind that is there in full, with its letters and its length; null if there is none. */
    private static @Nullable ByteBuffer find(ByteBuffer chunks, int kind) {
        long position = 0;
        while (position + CHUNK_HEADER <= chunks.limit()) {
            int start = (int) position;
            long length = chunks.getInt(start + 4) & 0xffffffffL;
            // Chunks of odd length are padded by a byte, of which the last one may lack.
            long end = position + CHUNK_HEADER + length;
            if (end > chunks.limit()) {
                return null;
            }
            if (chunks.getInt(start) == kind) {
                return chunks.slice(start, (int) (end - position)).order(ByteOrder.LITTLE_ENDIAN);
            }
            position = end + (length & 1);
        }
        return null;
    }

    private static ByteBuffer slice(ByteBuffer bytes, int start) {
        return bytes.slice(start, bytes.limit() - start).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static int uint24(ByteBuffer bytes, int index) {
        return bytes.getShort(index) & 0xffff | (bytes.get(index + 2) & 0xff) << 16;
    }

    /** Four letters as a little-endian number. */
    private static int letters(String text) {
        return text.charAt(0) | text.charAt(1) << 8 | text.charAt(2) << 16 | text.charAt(3) << 24;
    }
}
