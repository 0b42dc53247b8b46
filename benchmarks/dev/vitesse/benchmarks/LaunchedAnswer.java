// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A command that answers once and ends, watched from outside. */
final class LaunchedAnswer {
    private static final long POLL_MILLIS = 2;
    private static final int LONGEST_SECONDS = 60;
    private static final long KIB = 1024;

    private final List<String> command;

    LaunchedAnswer(List<String> command) {
        this.command = List.copyOf(command);
    }

    /** Runs it twice, and waits between for the archive of classes that the launcher has made after a first command. */
    void prepare() throws IOException {
        seconds();
        try {
            for (int i = 0; i < LONGEST_SECONDS && makesArchive(); i++) {
                Thread.sleep(1000);
            }
        } catch (InterruptedException e) {
            throw interrupted();
        }
        seconds();
    }

    private static boolean makesArchive() throws IOException {
        String cache = System.getenv("XDG_CACHE_HOME");
        Path folder = (cache == null || cache.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(cache))
                .resolve("vitesse");
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".jsa.lock"));
        }
    }

    /**
     * Seconds from the process's start to its end.
     *
     * @throws IOException if it cannot be started or fails
     */
    double seconds() throws IOException {
        long start = System.nanoTime();
        Process process = start();
        try {
            process.waitFor();
            double seconds = (System.nanoTime() - start) / 1e9;
            check(process);
            return seconds;
        } catch (InterruptedException e) {
            throw interrupted();
        } finally {
            process.destroy();
        }
    }

    /**
     * The most memory that was resident, in bytes; 0 where the system does not tell.
     *
     * @throws IOException if it cannot be started or fails
     */
    long residentBytes() throws IOException {
        Process process = start();
        try {
            long most = 0;
            do {
                most = Math.max(most, residentBytes(process.pid()));
            } while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS));
            check(process);
            return most;
        } catch (InterruptedException e) {
            throw interrupted();
        } finally {
            process.destroy();
        }
    }

    private Process start() throws IOException {
        return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.DISCARD).start();
    }

    private void check(Process process) throws IOException {
        if (process.exitValue() != 0) {
            throw new IOException("'" + String.join(" ", command) + "' ended with exit code " + process.exitValue());
        }
    }

    private static IOException interrupted() {
        Thread.currentThread().interrupt();
        return new IOException("interrupted");
    }

    /** The most memory that a process has had resident so far; 0 if that cannot be told, or it has ended. */
    private static long residentBytes(long pid) {
        try (Stream<String> lines = Files.lines(Path.of("/proc", String.valueOf(pid), "status"))) {
            return lines.filter(line -> line.startsWith("VmHWM:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * KIB).findFirst().orElse(0);
        } catch (IOException | RuntimeException e) {
            return 0;
        }
    }
}
