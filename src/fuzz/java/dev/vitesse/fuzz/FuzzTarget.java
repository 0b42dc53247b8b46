// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What Jazzer calls with each of its inputs. */
public final class FuzzTarget {
    /** The system property that names the reader. */
    static final String READER = "vitesse.fuzz.reader";

    private static final Reader TARGET = Reader.valueOf(System.getProperty(READER));
    private static final Path SCRATCH = scratch();

    private FuzzTarget() {}

    private static Path scratch() {
        try {
            Path file = Files.createTempFile("vitesse-fuzz", "");
            file.toFile().deleteOnExit();
            return file;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void fuzzerTestOneInput(byte[] input) {
        try {
            TARGET.check(SCRATCH, input);
        } catch (AssertionError e) {
            // The first input that reaches a class pays for loading and instrumenting it, but only once.
            TARGET.check(SCRATCH, input);
        }
    }
}
