// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * What the segments before a JPEG's image data say that ImageIO keeps to itself (ITU-T T.81, annex B).
 *
 * @param components 1 grey, 3 colours, 4 inks; 0 if the file ends before it says so
 * @param adobeTransform the colour transform that Adobe's segment names, {@link #NONE} without one
 * @param exif the TIFF structure of the Exif segment; null without one
 */
record JpegHeader(int components, int adobeTransform, @Nullable ByteBuffer exif) {
    static final int NONE = -1;
    /** Cyan, magenta and yellow as luma and chroma. */
    static final int YCCK = 2;

    private static final int START_OF_FRAME = 0xc0;
    private static final int DEFINE_HUFFMAN_TABLE = 0xc4;
    private static final int RESERVED = 0xc8;
    private static final int DEFINE_ARITHMETIC_CODING = 0xcc;
    private static final int RESTART = 0xd0;
    private static final int START_OF_SCAN = 0xda;
    private static final int APP1 = 0xe1;
    private static final int APP14 = 0xee;
    private static final int TEM = 0x01;

    /** Reads as far as the segments are sound: what is wrong with the others, the decoder will say. */
    static JpegHeader parse(byte[] file) {
        ByteBuffer jpeg = ByteBuffer.wrap(file);
        int components = 0;
        int transform = NONE;
        ByteBuffer exif = null;
        int position = 2;
        while (position + 4 <= file.length && file[position] == (byte) 0xff) {
            int marker = file[position + 1] & 0xff;
            if (marker == 0xff) {
                // Markers may be padded with any number of these.
                position++;
                continue;
            }
            if (marker == TEM || marker >= RESTART && marker < RESTART + 8) {
                position += 2;
                continue;
            }
            int length = jpeg.getShort(position + 2) & 0xffff;
            int end = position + 2 + length;
            if (marker == START_OF_SCAN || length < 2 || end > file.length) {
                break;
            }
            ByteBuffer body = jpeg.slice(position + 4, length - 2);
            if (isFrame(marker) && body.limit() >= 6) {
                components = body.get(5) & 0xff;
            } else if (marker == APP14 && body.limit() >= 12 && body.getInt(0) == 0x41646f62) {
                // The letters "Adob", "e", a version and two words of flags.
                transform = body.get(11) & 0xff;
            } else if (marker == APP1 && exif == null && body.limit() > 6 && body.getInt(0) == 0x45786966) {
                // The letters "Exif" and two zeros.
                exif = body.slice(6, body.limit() - 6);
            }
            position = end;
        }
        return new JpegHeader(components, transform, exif);
    }

    private static boolean isFrame(int marker) {
        return marker >= START_OF_FRAME && marker < RESTART && marker != DEFINE_HUFFMAN_TABLE && marker != RESERVED
                && marker != DEFINE_ARITHMETIC_CODING;
    }
}
