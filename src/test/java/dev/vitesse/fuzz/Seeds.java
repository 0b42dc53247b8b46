// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.stream.Stream;
import java.util.zip.ZipFile;

/** Small sound files of every kind to start from, and inputs that once went wrong ({@code /fuzz/READER}). */
final class Seeds {
    private static final int LARGEST = 1 << 16;

    private Seeds() {}

    static List<byte[]> of(Reader reader) {
        try {
            List<byte[]> seeds = new ArrayList<>(switch (reader) {
                case SAFETENSORS -> files("/golden", name -> name.endsWith(".safetensors"));
                case ARCHIVE -> files("/golden", name -> name.endsWith(".npz") || name.endsWith(".pth"));
                case NPZ -> entries("mnist.google.npz", name -> name.endsWith(".npy"));
                case PICKLE -> entries("mnist.timm.pth", name -> name.endsWith("data.pkl"));
                case IMAGE -> images();
            });
            URL found = Seeds.class.getResource("/fuzz/" + reader.name().toLowerCase(java.util.Locale.ROOT));
            if (found != null) {
                seeds.addAll(files(Path.of(found.toURI()), name -> true));
            }
            return seeds;
        } catch (IOException | URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<byte[]> images() throws IOException, URISyntaxException {
        List<byte[]> seeds = files("/image/coding", name -> !name.endsWith(".expected.png"));
        seeds.addAll(files("/image", name -> name.startsWith("orientation.6.") || name.startsWith("grey16")));
        return seeds;
    }

    private static List<byte[]> files(String folder, Predicate<String> wanted) throws IOException, URISyntaxException {
        return files(Path.of(Objects.requireNonNull(Seeds.class.getResource(folder)).toURI()), wanted);
    }

    private static List<byte[]> files(Path folder, Predicate<String> wanted) throws IOException {
        List<byte[]> contents = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
                if (wanted.test(file.getFileName().toString()) && Files.size(file) <= LARGEST) {
                    contents.add(Files.readAllBytes(file));
                }
            }
        }
        return contents;
    }

    private static List<byte[]> entries(String archive, Predicate<String> wanted)
            throws IOException, URISyntaxException {
        List<byte[]> contents = new ArrayList<>();
        Path path = Path.of(Objects.requireNonNull(Seeds.class.getResource("/golden/" + archive)).toURI());
        try (ZipFile zip = new ZipFile(path.toFile())) {
            for (var entry : zip.stream().filter(entry -> wanted.test(entry.getName())).toList()) {
                try (InputStream in = zip.getInputStream(entry)) {
                    contents.add(in.readAllBytes());
                }
            }
        }
        return contents;
    }
}
