// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/** Writes matrices as NumPy's {@code .npy} (NEP 1, version 1.0): a header in Python's notation, then the elements. */
public final class NpyWriter {
    /** NumPy pads its headers to multiples of this. */
    private static final int ALIGNMENT = 64;
    private static final int PREAMBLE = 10;

    private NpyWriter() {}

    /**
     * Writes {@code rows} as a float32 matrix [rows, columns]; the file is replaced in one step.
     *
     * @throws IllegalArgumentException if a row has another length than {@code columns}
     * @throws UnwritableFileException if the file cannot be written; one that was there is left as it was
     */
    public static void write(Path path, List<float[]> rows, int columns) throws IOException {
        for (float[] row : rows) {
            if (row.length != columns) {
                throw new IllegalArgumentException("a row has " + row.length + " elements instead of " + columns);
            }
        }
        ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(columns, Float.BYTES))
                .order(ByteOrder.LITTLE_ENDIAN);
        AtomicFiles.write(path, channel -> {
            AtomicFiles.writeFully(channel, header(rows.size(), columns));
            for (float[] row : rows) {
                buffer.clear().asFloatBuffer().put(row);
                AtomicFiles.writeFully(channel, buffer);
            }
        });
    }

    private static ByteBuffer header(int rows, int columns) {
        String text = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + rows + ", " + columns + "), }";
        int length = (PREAMBLE + text.length() + ALIGNMENT) / ALIGNMENT * ALIGNMENT - PREAMBLE;
        ByteBuffer header = ByteBuffer.allocate(PREAMBLE + length).order(ByteOrder.LITTLE_ENDIAN);
        header.put((byte) 0x93).put("NUMPY".getBytes(StandardCharsets.US_ASCII)).put((byte) 1).put((byte) 0);
        header.putShort((short) length).put(text.getBytes(StandardCharsets.US_ASCII));
        while (header.remaining() > 1) {
            header.put((byte) ' ');
        }
        return header.put((byte) '\n').flip();
    }
}
