// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;

/**
 * Runs Java programs whose only OpenCL device is Oclgrind's (Price and McIntosh-Smith 2015), which reports data races,
 * accesses outside buffers, reads of what nobody wrote and wrong OpenCL calls, whether or not they change a result.
 */
public final class Oclgrind {
    private final Path driver;
    private final Path folder;

    private Oclgrind(Path driver, Path folder) {
        this.driver = driver;
        this.folder = folder;
    }

    /**
     * Skips the calling test where Oclgrind is not installed.
     *
     * @param folder for its files
     */
    public static Oclgrind find(Path folder) {
        Optional<Path> found = driver();
        Assumptions.assumeTrue(found.isPresent(), "oclgrind is not installed (Debian: apt install oclgrind)");
        return new Oclgrind(found.orElseThrow(), folder);
    }

    /** The driver that lies in a folder of libraries beside the one that {@code oclgrind} is in. */
    private static Optional<Path> driver() {
        for (String bin : System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)) {
            Path libraries = Path.of(bin).resolveSibling("lib");
            if (Files.isExecutable(Path.of(bin, "oclgrind")) && Files.isDirectory(libraries)) {
                try (Stream<Path> files = Files.find(
                        libraries, 3, (file, attributes) -> file.endsWith("liboclgrind-rt-icd.so"))) {
                    return files.findFirst();
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        }
        return Optional.empty();
    }

    /**
     * Runs a program with this process's class path and none of its flags.
     *
     * @param main the class and its arguments
     * @return what it printed
     */
    public List<String> run(String... main) throws IOException, InterruptedException {
        Path drivers = Files.createDirectory(folder.resolve("drivers"));
        Files.writeString(drivers.resolve("oclgrind.icd"), driver + "\n");
        Path out = folder.resolve("out");
        Path err = folder.resolve("err");
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(), "-Xmx512m", "--enable-native-access=ALL-UNNAMED",
                "-Dvitesse.opencl.cache=off", "-Dvitesse.cases=small", "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(main));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(Map.of(
                "OCL_ICD_VENDORS", drivers.toString(),
                "OCLGRIND_LOG", folder.resolve("oclgrind.log").toString(),
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

    /** Its report, empty if it has found nothing. */
    public String log() {
        Path log = folder.resolve("oclgrind.log");
        return Files.exists(log) ? read(log) : "";
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
