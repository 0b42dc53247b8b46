// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.ModelFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.stream.Stream;

/** The folder in which a training run leaves its files. */
record RunFolder(Path path) {
    private static final DateTimeFormatter TIMESTAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT);

    /** {@code runs/<preset>-<time>} in the working directory. */
    static RunFolder byDefault(String preset) {
        return new RunFolder(
                Path.of("runs", preset.replace("/", "") + "-" + LocalDateTime.now().format(TIMESTAMP)));
    }

    /** Checks that the folder does not exist or is empty. */
    void requireUnused() throws IOException {
        if (Files.isDirectory(path)) {
            try (Stream<Path> files = Files.list(path)) {
                if (files.findAny().isPresent()) {
                    throw new CommandException(ExitCodes.CANNOT_WRITE, path
                            + ": exists and is not empty; choose another --out, or go on with --resume " + path);
                }
            }
        } else if (Files.exists(path)) {
            throw new CommandException(ExitCodes.CANNOT_WRITE, path + ": is a file; choose another --out");
        }
    }

    /** Checks that the folder holds a run that can be resumed. */
    void requireResumable() throws IOException {
        if (!Files.isDirectory(path)) {
            throw new InvalidFileException(path, "is no folder", "give the folder of an earlier run to --resume");
        }
        for (Path file : new Path[] {checkpoint(), config(), settings()}) {
            if (!Files.exists(file)) {
                throw new InvalidFileException(file, "does not exist", "give the folder of an earlier run to --resume");
            }
        }
    }

    Path config() {
        return path.resolve(ModelFiles.CONFIG);
    }

    Path checkpoint() {
        return path.resolve("checkpoint.safetensors");
    }

    /** What {@code --resume} needs beside the checkpoint: where the data are and how they were divided. */
    Path settings() {
        return path.resolve("run.json");
    }

    Path metrics() {
        return path.resolve("metrics.csv");
    }

    Path curves() {
        return path.resolve("curves.png");
    }

    Path confusion() {
        return path.resolve("confusion.png");
    }

    Path samples() {
        return path.resolve("samples.png");
    }
}
