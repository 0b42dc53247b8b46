// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every kernel under Oclgrind (Price and McIntosh-Smith 2015), which reports data races, accesses outside buffers, reads
 * of what nobody wrote and wrong OpenCL calls, whether or not they change a result. Skipped where it is not installed.
 */
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

    private Path log;
    private Path driver;

    @BeforeEach
    void findOclgrind() throws IOException {
        Optional<Path> found = driver();
        Assumptions.assumeTrue(found.isPresent(), "oclgrind is not installed (Debian: apt install oclgrind)");
        driver = found.orElseThrow();
        log = folder.resolve("oclgrind.log");
    }

    @Test
    @Timeout(300)
    void findsNothingInAnyKernel() throws IOException, InterruptedException {
        List<String> ran = run("cases");
        assertThat(log()).isEmpty();
        assertThat(new TreeSet<>(ran)).isEqualTo(kernels());
    }

    @Test
    @Timeout(60)
    void findsPlantedMistakes() throws IOException, InterruptedException {
        assertThat(run("planted")).containsExactlyInAnyOrderElementsOf(PLANTED.keySet());
        List<String> reports = List.of(log().split("\n\n+"));
        PLANTED.forEach((kernel, text) -> assertThat(reports)
                .as("reports").anySatisfy(report -> assertThat(report).contains("Kernel: " + kernel).contains(text)));
    }

    /** The driver that lies in a folder of libraries beside the one that {@code oclgrind} is in. */
    private static Optional<Path> driver() throws IOException {
        for (String bin : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path libraries = Path.of(bin).resolveSibling("lib");
            if (Files.isExecutable(Path.of(bin, "oclgrind")) && Files.isDirectory(libraries)) {
                try (Stream<Path> files = Files.find(
                        libraries, 3, (file, attributes) -> file.endsWith("liboclgrind-rt-icd.so"))) {
                    return files.findFirst();
                }
            }
        }
        return Optional.empty();
    }

    /** Runs {@link SanitizedRun} on Oclgrind's device; returns what it printed. */
    private List<String> run(String what) throws IOException, InterruptedException {
        Path drivers = Files.createDirectory(folder.resolve("drivers"));
        Files.writeString(drivers.resolve("oclgrind.icd"), driver + "\n");
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        ProcessBuilder builder = new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(), "-Xmx512m", "--enable-native-access=ALL-UNNAMED",
                "-Dvitesse.opencl.cache=off", "-Dvitesse.cases=small", "-cp", System.getProperty("java.class.path"),
                SanitizedRun.class.getName(), what);
        builder.environment().putAll(Map.of(
                "OCL_ICD_VENDORS", drivers.toString(),
                "OCLGRIND_LOG", log.toString(),
                "OCLGRIND_DATA_RACES", "1",
                "OCLGRIND_UNINITIALIZED", "1",
                "OCLGRIND_CHECK_API", "1",
                // It does not know every instruction that its compiler's optimizer makes.
                "OCLGRIND_BUILD_OPTIONS", "-cl-opt-disable",
                // It adds up the local memory of all kernels of a program, not of the one that runs.
                "OCLGRIND_LOCAL_MEM_SIZE", Integer.toString(256 << 10),
                "OCLGRIND_COMPUTE_UNITS", "16"));
        Process process = builder.redirectOutput(out.toFile()).redirectError(err.toFile()).start();
        try {
            assertThat(process.waitFor()).as(() -> read(err)).isZero();
        } finally {
            process.destroyForcibly();
        }
        return Files.readAllLines(out);
    }

    private String log() throws IOException {
        return Files.exists(log) ? Files.readString(log) : "";
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return e.toString();
        }
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
