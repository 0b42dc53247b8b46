// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Models that Hugging Face's own tools have downloaded, found by their names. The cache is only read; nothing is ever
 * downloaded, with {@code HF_HUB_OFFLINE} or without.
 *
 * @param folder the one that holds {@code models--ORGANISATION--NAME} folders
 */
record HuggingFaceCache(Path folder) {
    /** {@code google/vit-base-patch16-224}, with {@code @} and a branch, tag or commit if it is not {@code main}. */
    private static final Pattern NAME =
            Pattern.compile("([A-Za-z0-9][\\w.-]*(?:/[A-Za-z0-9][\\w.-]*)?)(?:@([A-Za-z0-9][\\w./-]*))?");

    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{4,64}");
    private static final int MAX_REFERENCE = 1 << 10;

    /** The cache that the environment names: HF_HUB_CACHE, else in HF_HOME, XDG_CACHE_HOME or the home folder. */
    static HuggingFaceCache of(Map<String, String> environment, Path home) {
        String cache = environment.getOrDefault("HF_HUB_CACHE", environment.get("HUGGINGFACE_HUB_CACHE"));
        if (cache != null && !cache.isEmpty()) {
            return new HuggingFaceCache(Path.of(cache));
        }
        String hf = environment.getOrDefault("HF_HOME", "");
        if (!hf.isEmpty()) {
            return new HuggingFaceCache(Path.of(hf, "hub"));
        }
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        Path caches = xdg.isEmpty() ? home.resolve(".cache") : Path.of(xdg);
        return new HuggingFaceCache(caches.resolve("huggingface").resolve("hub"));
    }

    static boolean isName(String text) {
        return NAME.matcher(text).matches();
    }

    /**
     * The folder with the files of model {@code name}; empty if the cache has no model of that name.
     *
     * @throws InvalidFileException if it has the model, but not that revision
     */
    Optional<Path> find(String name) throws IOException {
        Matcher matcher = NAME.matcher(name);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        Path model = folder.resolve("models--" + matcher.group(1).replace("/", "--"));
        if (!Files.isDirectory(model)) {
            return Optional.empty();
        }
        String revision = matcher.group(2) == null ? "main" : matcher.group(2);
        Path reference = model.resolve("refs").resolve(revision).normalize();
        String commit = reference.startsWith(model) && Files.exists(reference)
                ? new String(InputFiles.read(reference, "a reference", MAX_REFERENCE), StandardCharsets.US_ASCII).strip()
                : revision;
        Path snapshot = model.resolve("snapshots").resolve(commit);
        if (!COMMIT.matcher(commit).matches() || !Files.isDirectory(snapshot)) {
            throw new InvalidFileException(model, "has no snapshot of revision " + revision,
                    "download it with 'hf download " + matcher.group(1) + "'");
        }
        return Optional.of(snapshot);
    }
}
