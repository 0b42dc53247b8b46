// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.file.Path;

/** A file that cannot be written: a full disk, a read-only folder. One line, as {@link InvalidFileException}'s. */
public class UnwritableFileException extends IOException {
    private static final long serialVersionUID = 1L;

    UnwritableFileException(Path path, String problem, String remedy, IOException cause) {
        super((path + ": cannot be written: " + problem + "; " + remedy).replaceAll("\\p{Cntrl}", "?"), cause);
    }
}
