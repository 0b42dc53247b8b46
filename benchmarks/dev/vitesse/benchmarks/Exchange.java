// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A folder through which the processes of a match hand each other arrays: {@code in-NAME.bin} for all, {@code
 * CONTENDER-NAME.bin} back; 4-byte little-endian elements.
 */
record Exchange(Path folder) {
    private static final String INPUT = "in";

    void writeInput(String name, int[] bits) {
        write(INPUT, name, bits);
    }

    int[] readInput(String name) {
        return read(INPUT, name);
    }

    /** What {@code contender} computed. */
    void writeResult(String contender, String name, int[] bits) {
        write(contender, name, bits);
    }

    boolean hasResult(String contender, String name) {
        return Files.exists(path(contender, name));
    }

    float[] readResult(String contender, String name) {
        int[] bits = read(contender, name);
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Float.intBitsToFloat(bits[i]);
        }
        return values;
    }

    void deleteResult(String contender, String name) {
        try {
            Files.deleteIfExists(path(contender, name));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private Path path(String owner, String name) {
        return folder.resolve(owner.replace(':', '-') + "-" + name + ".bin");
    }

    private void write(String owner, String name, int[] bits) {
        int size = Math.multiplyExact(bits.length, Integer.BYTES);
        ByteBuffer bytes = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asIntBuffer().put(bits);
        try {
            Files.write(path(owner, name), bytes.array());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int[] read(String owner, String name) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path(owner, name))).order(ByteOrder.LITTLE_ENDIAN);
            int[] bits = new int[bytes.remaining() / Integer.BYTES];
            bytes.asIntBuffer().get(bits);
            return bits;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
