// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Replaces files in one step: at any moment, also after a crash or a power failure, a reader finds the whole old file
 * or the whole new one.
 *
 * <p>The contents go to a temporary file beside the target, {@code .NAME.RANDOM.tmp}, which is forced to the disk, then
 * moved over the target; then the folder is forced. A writer holds a lock on its temporary file, so that the next one
 * can tell the leftovers of crashed writers, which it deletes, from the files of others still at work.
 */
public final class AtomicFiles {
    private static final String SUFFIX = ".tmp";

    private AtomicFiles() {}

    /** Writes a file's contents. */
    @FunctionalInterface
    public interface Body {
        /**
         * Writes to {@code channel}, from its start.
         *
         * @throws IOException if that fails; the target is then left as it was
         */
        void writeTo(FileChannel channel) throws IOException;
    }

    /**
     * Replaces or creates {@code target}; its folder must exist.
     *
     * @throws UnwritableFileException if the disk is full, the folder read-only or missing...; {@code target} is then
     *     as it was before
     */
    public static void write(Path target, Body body) throws IOException {
        Path folder = target.toAbsolutePath().getParent();
        if (folder == null || Files.isDirectory(target)) {
            throw new UnwritableFileException(target, "it is a folder", "choose another name",
                    new FileAlreadyExistsException(target.toString()));
        }
        try {
            sweep(folder, target.getFileName().toString());
            replace(target, folder, body);
        } catch (InvalidFileException | UnwritableFileException e) {
            throw e;
        } catch (IOException e) {
            throw explained(target, e);
        }
    }

    /** Replaces or creates {@code target} with {@code text} in UTF-8. */
    public static void write(Path target, String text) throws IOException {
        write(target, channel -> writeFully(channel, StandardCharsets.UTF_8.encode(text)));
    }

    /**
     * Creates {@code folder} and those above it where they are missing.
     *
     * @throws UnwritableFileException if that fails, for instance because a file has that name
     */
    public static void createFolders(Path folder) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (FileAlreadyExistsException e) {
            throw new UnwritableFileException(folder, "a file has that name", "choose another name", e);
        } catch (IOException e) {
            throw explained(folder, e);
        }
    }

    /** Writes all of {@code bytes}; a channel may take fewer at a time. */
    public static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    private static void replace(Path target, Path folder, Body body) throws IOException {
        Temporary temporary = Temporary.create(folder, target.getFileName().toString());
        boolean moved = false;
        try (FileChannel channel = temporary.channel()) {
            body.writeTo(channel);
            channel.force(true);
            // While the lock is held, so that nobody takes the finished file for a leftover.
            Files.move(temporary.path(), target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            moved = true;
        } finally {
            if (!moved) {
                Files.deleteIfExists(temporary.path());
            }
        }
        forceFolder(folder);
    }

    /** Makes the move itself durable, where the system can open folders at all. */
    private static void forceFolder(Path folder) throws IOException {
        FileChannel channel;
        try {
            channel = FileChannel.open(folder, StandardOpenOption.READ);
        } catch (IOException e) {
            return;
        }
        try (channel) {
            channel.force(true);
        }
    }

    /** Deletes the temporary files that crashed writers of {@code name} left in {@code folder}. */
    private static void sweep(Path folder, String name) throws IOException {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, file -> isTemporary(file, name))) {
            for (Path file : files) {
                deleteIfAbandoned(file);
            }
        } catch (AccessDeniedException e) {
            // A folder that can be written but not listed.
        }
    }

    private static boolean isTemporary(Path file, String name) {
        String prefix = "." + name + ".";
        String candidate = file.getFileName().toString();
        return candidate.startsWith(prefix) && candidate.endsWith(SUFFIX)
                && candidate.substring(prefix.length()).matches("[0-9a-f]{16}\\.tmp");
    }

    private static synchronized void deleteIfAbandoned(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE);
                FileLock lock = channel.tryLock()) {
            if (lock != null) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | OverlappingFileLockException e) {
            // Gone already, somebody else's, or in use by another thread: not ours to sweep.
        }
    }

    private static UnwritableFileException explained(Path target, IOException e) {
        String reason = e instanceof FileSystemException f && f.getReason() != null ? f.getReason() : e.getMessage();
        String text = String.valueOf(reason);
        if (text.contains("No space left") || text.contains("quota") || text.contains("not enough space")) {
            return new UnwritableFileException(
                    target, "the disk is full", "free some space or choose another folder", e);
        }
        if (text.contains("File too large")) {
            return new UnwritableFileException(target, "it is larger than this system allows",
                    "raise the limit (ulimit -f) or choose another disk", e);
        }
        if (e instanceof AccessDeniedException || text.contains("Read-only file system")) {
            return new UnwritableFileException(target, "its folder is read-only", "choose another folder", e);
        }
        if (e instanceof NoSuchFileException || e instanceof NotDirectoryException
                || text.contains("Not a directory")) {
            return new UnwritableFileException(target, "its folder does not exist", "create it first", e);
        }
        return new UnwritableFileException(target, text, "choose another folder", e);
    }

    /** A new file, locked where the file system knows locks. */
    private record Temporary(Path path, FileChannel channel) {
        static Temporary create(Path folder, String name) throws IOException {
            while (true) {
                String random = HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
                Temporary temporary = open(folder.resolve("." + name + "." + random + SUFFIX));
                if (temporary != null) {
                    return temporary;
                }
            }
        }

        /** Null if another process swept the file in the moment before it was locked. */
        private static @Nullable Temporary open(Path path) throws IOException {
            synchronized (AtomicFiles.class) {
                FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
                try {
                    channel.lock();
                } catch (IOException e) {
                    // Without locks nobody can sweep the file either: see deleteIfAbandoned.
                }
                if (Files.exists(path)) {
                    return new Temporary(path, channel);
                }
                channel.close();
                return null;
            }
        }
    }
}
