// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file that is missing, malformed or not what it should be. One line: {@code PATH: what is wrong; what to do}. */
public class InvalidFileException extends IOException {
    private static final long serialVersionUID = 1L;

    /**
     * @param problem what is wrong with the file
     * @param remedy what the user can do about it
     */
    public InvalidFileException(Path path, String problem, String remedy) {
        super(message(path, problem, remedy));
    }

    public InvalidFileException(Path path, String problem, String remedy, Throwable cause) {
        super(message(path, problem, remedy), cause);
    }

    /** File names and file contents end up in messages: whatever would break the line is replaced. */
    private static String message(Path path, String problem, String remedy) {
        return (path + ": " + problem + "; " + remedy).replaceAll("\\p{Cntrl}", "?");
    }
}
