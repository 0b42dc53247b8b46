// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Every kernel under {@link Oclgrind}; skipped where that is not installed. */
class SanitizerTest {
    /** The kernels of {@code planted.cl} and what the report on each must say. */
    static final Map<String, String> PLANTED = Map.of(
            "missing_barrier", "data race",
            "out_of_bounds_write", "Invalid write of size 4",
            "uninitialized_local_read", "Uninitialized value");

    private static final Pattern KERNEL =
            Pattern.compile("__kernel\\s+(?:__attribute__\\(\\(\\w+\\([^)]*\\)\\)\\)\\s+)?void\\s+(\\w+)");

    @TempDir
    private Path folder;

    private Oclgrind oclgrind;

    @BeforeEach
    void findOclgrind() {
        oclgrind = Oclgrind.find(folder);
    }

    @Test
    @Timeout(300)
    void findsNothingInAnyKernel() throws IOException, InterruptedException {
        List<String> ran = oclgrind.run(SanitizedRun.class.getName(), "cases");
        assertThat(oclgrind.log()).isEmpty();
        assertThat(new TreeSet<>(ran)).isEqualTo(kernels());
    }

    @Test
    @Timeout(60)
    void findsPlantedMistakes() throws IOException, InterruptedException {
        assertThat(oclgrind.run(SanitizedRun.class.getName(), "planted"))
                .containsExactlyInAnyOrderElementsOf(PLANTED.keySet());
        List<String> reports = List.of(oclgrind.log().split("\n\n+"));
        PLANTED.forEach((kernel, text) -> assertThat(reports)
                .as("reports").anySatisfy(report -> assertThat(report).contains("Kernel: " + kernel).contains(text)));
    }

    /** The names of all kernels of {@code kernels/opencl}. */
    private static TreeSet<String> kernels() throws IOException {
        TreeSet<String> names = new TreeSet<>();
        try (Stream<Path> files = Files.list(Path.of("kernels", "opencl"))) {
            for (Path file : files.toList()) {
                KERNEL.matcher(Files.readString(file)).results().forEach(match -> names.add(match.group(1)));
            }
        }
        return names;
    }
}
