// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What every reader checks first. */
public final class InputFiles {
    private InputFiles() {}

    /**
     * Checks that {@code path} is a file that can be read.
     *
     * @param what is expected there, for the message
     * @throws InvalidFileException if it is missing, a folder or unreadable
     */
    public static void requireFile(Path path, String what) throws InvalidFileException {
        if (Files.isDirectory(path)) {
            throw new InvalidFileException(path, "is a folder", "give the path of " + what);
        }
        if (!Files.exists(path)) {
            throw new InvalidFileException(path, "does not exist", "give the path of " + what);
        }
        if (!Files.isReadable(path)) {
            throw new InvalidFileException(path, "cannot be read", "check its permissions");
        }
    }

    /**
     * The contents of a file that should be small.
     *
     * @throws InvalidFileException if it is missing, unreadable or larger than {@code limit} bytes
     */
    public static byte[] read(Path path, String what, long limit) throws IOException {
        requireFile(path, what);
        long size = Files.size(path);
        if (size > limit) {
            throw new InvalidFileException(path, "has " + size + " bytes, more than the " + limit + " allowed",
                    "give the path of " + what);
        }
        return Files.readAllBytes(path);
    }
}
