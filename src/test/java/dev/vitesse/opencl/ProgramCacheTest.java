// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A file of the cache is used only if it is whole and the driver takes it; else the program is built again. */
class ProgramCacheTest {
    private static final String OPTIONS = "-cl-std=CL1.2 -D VW=1";

    @TempDir
    private Path folder;

    private OpenClRuntime runtime;

    @BeforeEach
    void open() {
        runtime = new OpenClRuntime(TestDevices.require(), Faults.NONE);
    }

    @AfterEach
    void close() {
        if (runtime != null) {
            runtime.close();
        }
    }

    /** Loads a program in a cache of its own; returns how often it compiled. */
    private int compilations(Path directory, String options) {
        try (ProgramCache cache = new ProgramCache(runtime, directory)) {
            assertThat(cache.program("optimizer", options)).isSameAs(cache.program("optimizer", options));
            return cache.compiled();
        }
    }

    private List<Path> entries() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void programsAreBuiltOnceForEachSetOfOptions() throws IOException {
        assertThat(compilations(folder, OPTIONS)).isEqualTo(1);
        assertThat(compilations(folder, OPTIONS)).isZero();
        assertThat(entries()).hasSize(1);
        assertThat(compilations(folder, "-cl-std=CL1.2 -D VW=4")).isEqualTo(1);
        assertThat(entries()).hasSize(2);
        assertThat(runtime.liveObjects()).isZero();
    }

    @Test
    void filesThatAreCutShortOrAlteredAreReplaced() throws IOException {
        compilations(folder, OPTIONS);
        Path entry = entries().getFirst();
        byte[] whole = Files.readAllBytes(entry);
        byte[] altered = whole.clone();
        altered[altered.length / 2] ^= 1;
        byte[] cut = java.util.Arrays.copyOf(whole, whole.length - 1);
        for (byte[] bad : new byte[][] {altered, cut, new byte[7], new byte[0]}) {
            Files.write(entry, bad);
            assertThat(compilations(folder, OPTIONS)).isEqualTo(1);
            assertThat(Files.readAllBytes(entry)).isNotEqualTo(bad);
            assertThat(compilations(folder, OPTIONS)).isZero();
        }
    }

    /** Whole, but not what the driver gave: for instance another version's. */
    @Test
    void filesThatTheDriverRefusesAreReplaced() throws IOException, NoSuchAlgorithmException {
        compilations(folder, OPTIONS);
        Path entry = entries().getFirst();
        byte[] stale = "a binary of another driver".getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        Files.write(entry, MessageDigest.getInstance("SHA-256").digest(stale));
        Files.write(entry, stale, java.nio.file.StandardOpenOption.APPEND);
        assertThat(compilations(folder, OPTIONS)).isEqualTo(1);
        assertThat(compilations(folder, OPTIONS)).isZero();
    }

    @Test
    void anotherDriverHasFilesOfItsOwn() throws IOException {
        compilations(folder, OPTIONS);
        OpenClDevice d = runtime.device();
        OpenClDevice updated = new OpenClDevice(d.platform(), d.handle(), d.name(), d.platformName(), d.version(),
                d.driver() + ".1", d.kind(), d.computeUnits(), d.clockMegahertz(), d.memoryBytes(),
                d.largestBufferBytes(), d.localBytes(), d.largestGroup(), d.problem());
        try (OpenClRuntime other = new OpenClRuntime(updated, Faults.NONE);
                ProgramCache cache = new ProgramCache(other, folder)) {
            cache.program("optimizer", OPTIONS);
            assertThat(cache.compiled()).isEqualTo(1);
        }
        assertThat(entries()).hasSize(2);
    }

    @Test
    void aFolderThatCannotBeWrittenCostsOnlyTime() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        assertThat(compilations(file.resolve("cache"), OPTIONS)).isEqualTo(1);
        assertThat(compilations(null, OPTIONS)).isEqualTo(1);
    }
}
