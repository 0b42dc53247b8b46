// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import dev.vitesse.io.AtomicFiles;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Finds MNIST: in the folder given, else in the one that the environment variable {@value #VARIABLE} names, else in the
 * user's cache, else by downloading it there; where that fails too, it says so in one line and draws digits itself.
 *
 * <p>A folder that somebody named is never replaced by something else: if it is missing or bad, that is an error.
 */
public final class MnistSource {
    /** The environment variable that names a folder with IDX files. */
    public static final String VARIABLE = "VITESSE_DATA";

    private static final int GENERATED_TRAIN = 20_000;
    private static final int GENERATED_TEST = 4_000;
    private static final long TRAIN_SEED = 1;
    private static final long TEST_SEED = 2;

    private final Map<String, String> environment;
    private final Path home;
    private final MnistDownload download;
    private final Consumer<String> messages;

    /**
     * @param environment variables, as of {@link System#getenv()}
     * @param home the user's folder
     * @param messages told in one line each what is downloaded and what is used in place of MNIST
     */
    MnistSource(Map<String, String> environment, Path home, MnistDownload download, Consumer<String> messages) {
        this.environment = environment;
        this.home = home;
        this.download = download;
        this.messages = messages;
    }

    /** For this process's environment and MNIST's public mirrors. */
    public static MnistSource system(Consumer<String> messages) {
        return new MnistSource(System.getenv(), Path.of(System.getProperty("user.home")),
                new MnistDownload(), messages);
    }

    /**
     * Digits that were found or that will be drawn.
     *
     * @param folder where the IDX files lie; null if the digits are generated
     */
    public record Digits(@Nullable Path folder) {
        /**
         * Reads or draws the training set.
         *
         * @throws InvalidFileException if a file is missing or malformed
         */
        public ImageDataset train() throws IOException {
            return folder == null ? GeneratedDigits.draw(GENERATED_TRAIN, TRAIN_SEED) : Idx.train(folder);
        }

        /** Reads or draws the test set; see {@link #train}. */
        public ImageDataset test() throws IOException {
            return folder == null ? GeneratedDigits.draw(GENERATED_TEST, TEST_SEED) : Idx.test(folder);
        }

        /** One line: where they come from. */
        public String describe() {
            return folder == null ? "generated digits" : folder.toString();
        }
    }

    /**
     * Finds digits.
     *
     * @param folder the folder to use; null to look for one
     * @throws InvalidFileException if the folder given, or the one that the environment names, is missing
     */
    public Digits find(@Nullable Path folder) throws IOException {
        if (folder != null) {
            return new Digits(existing(folder, "give a folder with MNIST's IDX files"));
        }
        String variable = environment.get(VARIABLE);
        if (variable != null && !variable.isEmpty()) {
            return new Digits(existing(Path.of(variable), "correct or unset " + VARIABLE + ", which names it"));
        }
        Path cache = cache();
        if (download.isComplete(cache)) {
            return new Digits(cache);
        }
        try {
            messages.accept("downloading MNIST into " + cache);
            AtomicFiles.createFolders(cache);
            download.fetch(cache);
            return new Digits(cache);
        } catch (IOException e) {
            messages.accept("MNIST is not available (" + e.getMessage() + "): using " + GENERATED_TRAIN
                    + " generated digits instead; name a folder with its IDX files to use the real ones");
            return new Digits(null);
        }
    }

    private static Path existing(Path folder, String remedy) throws InvalidFileException {
        if (!Files.isDirectory(folder)) {
            throw new InvalidFileException(folder, Files.exists(folder) ? "is not a folder" : "does not exist", remedy);
        }
        return folder;
    }

    /** {@code $XDG_CACHE_HOME/vitesse/mnist}, or below {@code ~/.cache} where the variable is unset or not absolute. */
    private Path cache() {
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path base = !xdg.isEmpty() && Path.of(xdg).isAbsolute() ? Path.of(xdg) : home.resolve(".cache");
        return base.resolve("vitesse").resolve("mnist");
    }
}
