// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.Consumer;

/** The images that a command's arguments name. */
final class ImageFiles {
    /** In folders, the names tell which files are meant to be images; whether they are, their contents tell. */
    private static final Set<String> SUFFIXES =
            Set.of("jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "gif", "webp");

    private ImageFiles() {}

    /**
     * The files among {@code arguments}, and of each folder the images in it and in the folders below, sorted. A file
     * that is named itself is taken whatever its name.
     *
     * @param problem told of what cannot be listed: a folder without permission, a link that leads round in circles
     */
    static List<Path> of(List<Path> arguments, Consumer<IOException> problem) throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path argument : arguments) {
            if (Files.isDirectory(argument)) {
                files.addAll(below(argument, problem));
            } else {
                files.add(argument);
            }
        }
        return files;
    }

    private static List<Path> below(Path folder, Consumer<IOException> problem) throws IOException {
        List<Path> files = new ArrayList<>();
        Files.walkFileTree(folder, EnumSet.of(FileVisitOption.FOLLOW_LINKS), Integer.MAX_VALUE,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        if (attributes.isRegularFile() && SUFFIXES.contains(suffix(file))) {
                            files.add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e) {
                        problem.accept(e);
                        return FileVisitResult.CONTINUE;
                    }
                });
        files.sort(null);
        return files;
    }

    private static String suffix(Path file) {
        String name = file.getFileName().toString();
        return name.substring(name.lastIndexOf('.') + 1).toLowerCase(Locale.ROOT);
    }
}
