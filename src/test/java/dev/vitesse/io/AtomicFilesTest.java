// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
    @TempDir
    Path folder;

    @Test
    void replacesAndLeavesNothingBeside() throws IOException {
        Path target = folder.resolve("state.txt");
        AtomicFiles.write(target, "old");
        AtomicFiles.write(target, "new");
        assertThat(target).hasContent("new");
        assertThat(files()).containsExactly("state.txt");
    }

    @Test
    void keepsTheOldFileWhenWritingFails() throws IOException {
        Path target = folder.resolve("state.txt");
        AtomicFiles.write(target, "old");
        assertThatThrownBy(() -> AtomicFiles.write(target, channel -> {
            AtomicFiles.writeFully(channel, ByteBuffer.wrap(new byte[1000]));
            throw new IOException("No space left on device");
        })).isInstanceOf(UnwritableFileException.class)
                .hasMessage(target + ": cannot be written: the disk is full; free some space or choose another folder");
        assertThatThrownBy(() -> AtomicFiles.write(target, channel -> {
            throw new IllegalStateException("device lost");
        })).isInstanceOf(IllegalStateException.class);
        assertThat(target).hasContent("old");
        assertThat(files()).containsExactly("state.txt");
    }

    @Test
    void sweepsLeftoversOfCrashedWritersOnly() throws IOException {
        Path target = folder.resolve("state.txt");
        Path leftover = folder.resolve(".state.txt.0123456789abcdef.tmp");
        Path other = folder.resolve(".state.txt.notes.tmp");
        Files.writeString(leftover, "half");
        Files.writeString(other, "the user's own");
        AtomicFiles.write(target, channel -> {
            assertThat(leftover).doesNotExist();
            AtomicFiles.write(target, "inner");
            AtomicFiles.writeFully(channel, ByteBuffer.wrap("outer".getBytes()));
        });
        assertThat(target).hasContent("outer");
        assertThat(files()).containsExactlyInAnyOrder("state.txt", ".state.txt.notes.tmp");
    }

    @Test
    void explainsWhereItCannotWrite() throws IOException {
        assertThatThrownBy(() -> AtomicFiles.write(folder.resolve("none").resolve("a"), "x"))
                .isInstanceOf(UnwritableFileException.class).hasMessageContaining("its folder does not exist");
        Path file = Files.writeString(folder.resolve("file"), "x");
        assertThatThrownBy(() -> AtomicFiles.write(file.resolve("a"), "x"))
                .isInstanceOf(UnwritableFileException.class).hasMessageContaining("its folder does not exist");
        assertThatThrownBy(() -> AtomicFiles.write(folder, "x"))
                .isInstanceOf(UnwritableFileException.class).hasMessageContaining("it is a folder");
        assertThatThrownBy(() -> AtomicFiles.createFolders(file))
                .isInstanceOf(UnwritableFileException.class).hasMessageContaining("a file has that name");
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void explainsReadOnlyFolders() throws IOException {
        Path readOnly = Files.createDirectory(folder.resolve("read-only"));
        Files.setPosixFilePermissions(readOnly, PosixFilePermissions.fromString("r-xr-xr-x"));
        assumeTrue(!Files.isWritable(readOnly), "this user may write anywhere");
        assertThatThrownBy(() -> AtomicFiles.write(readOnly.resolve("a"), "x"))
                .isInstanceOf(UnwritableFileException.class).hasMessageContaining("its folder is read-only");
    }

    /** A file size limit fails in the middle of writing, as a full disk does. */
    @Test
    @DisabledOnOs(OS.WINDOWS)
    void losesNothingWhenTheSystemRefusesMore() throws Exception {
        Path target = folder.resolve("big");
        Files.writeString(target, "old");
        List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f 64; exec \"$@\"", "sh"));
        command.addAll(java(OneBigFile.class, target.toString()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes());
        assertThat(process.waitFor()).as(output).isZero();
        assertThat(output.lines()).containsExactly(target + ": cannot be written: it is larger than this system allows;"
                + " raise the limit (ulimit -f) or choose another disk");
        assertThat(target).hasContent("old");
        assertThat(files()).containsExactly("big");
    }

    /** Run by {@link #losesNothingWhenTheSystemRefusesMore}. */
    static final class OneBigFile {
        public static void main(String[] arguments) throws IOException {
            try {
                AtomicFiles.write(Path.of(arguments[0]),
                        channel -> AtomicFiles.writeFully(channel, ByteBuffer.wrap(new byte[1 << 20])));
                System.out.println("written");
            } catch (UnwritableFileException e) {
                System.out.println(e.getMessage());
            }
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void survivesKills() throws Exception {
        kill(15);
    }

    @Test
    @Tag("slow")
    @DisabledOnOs(OS.WINDOWS)
    void survivesManyKills() throws Exception {
        kill(200);
    }

    /** A child saves as fast as it can; each kill -9 comes at a random moment, mostly while it writes. */
    private void kill(int times) throws Exception {
        Path target = folder.resolve("saved.safetensors");
        Random random = new Random(7);
        int leftovers = 0;
        for (int i = 0; i < times; i++) {
            Process child = new ProcessBuilder(java(Saver.class, target.toString()))
                    .redirectError(ProcessBuilder.Redirect.INHERIT).start();
            // The child says when it saves for the first time.
            assertThat(child.getInputStream().read()).isEqualTo('!');
            Thread.sleep(random.nextInt(40));
            child.destroyForcibly();
            assertThat(child.waitFor(10, TimeUnit.SECONDS)).isTrue();
            assertThat(child.exitValue()).as("killed by signal 9").isEqualTo(128 + 9);
            leftovers += files().size() - 1;
            try (Safetensors file = Safetensors.open(target)) {
                float[] values = file.floats("values");
                assertThat(values).containsOnly(values[0]);
            }
        }
        assertThat(leftovers).as("kills that hit a write").isPositive();
        AtomicFiles.write(target, "over");
        assertThat(files()).containsExactly("saved.safetensors");
    }

    /** Run by {@link #kill}: saves 1 MB of equal values, again and again. */
    static final class Saver {
        public static void main(String[] arguments) throws IOException {
            float[] values = new float[1 << 18];
            SafetensorsWriter writer = new SafetensorsWriter().add("values", StoredType.F32, new long[] {values.length},
                    MemorySegment.ofArray(values));
            for (int i = 0; ; i++) {
                Arrays.fill(values, i);
                writer.write(Path.of(arguments[0]));
                if (i == 0) {
                    System.out.print('!');
                    System.out.flush();
                }
            }
        }
    }

    private static List<String> java(Class<?> main, String argument) {
        return List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xshare:auto",
                "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m", "-cp", System.getProperty("java.class.path"),
                main.getName(), argument);
    }

    private List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).toList();
        }
    }
}
