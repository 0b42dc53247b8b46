// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

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
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The CUDA C that TornadoVM generates for every kernel, compiled by {@code nvcc}. Needs no GPU, but TornadoVM's CUDA driver,
 * which generates code for a virtual device, too: it is part of an SDK for CUDA, and of Maven's repository where TornadoVM
 * was built from its sources; skipped where it is in neither. The PTX driver has no virtual device.
 */
class CudaSourceTest {
    private static final String PACKAGE = "uk.ac.manchester.tornado";
    private static final String MODULES = "tornado.runtime,tornado.annotation,tornado.drivers.common,tornado.drivers.cuda";

    /** What the assembler says of a kernel under {@code -v}. */
    private static final Pattern STACK = Pattern.compile("(\\d+) bytes stack frame, (\\d+) bytes spill stores");

    private static final Pattern FUNCTION = Pattern.compile("(extern \"C\" __global__ void )\\w+\\(");

    /** What the last program printed. */
    private static final String OUT = "out";

    private static final String ERR = "err";

    @TempDir
    private Path folder;

    @Test
    @Timeout(600)
    void everyKernelCompilesAndKeepsItsArraysInRegisters() throws IOException, InterruptedException {
        Path nvcc = nvcc();
        Path sdk = sdk();
        Path driver = driver(sdk);
        run(generator(sdk, driver));
        List<String> kernels = Files.readAllLines(folder.resolve(OUT));
        run(List.of(nvcc.toString(), "-arch=sm_80", "-cubin", "-Xptxas", "-v", "-w", one(kernels).toString()));
        List<String> stacks = STACK.matcher(read(folder.resolve(ERR))).results().map(MatchResult::group).toList();
        System.out.printf("nvcc compiled the CUDA C of %d kernels that TornadoVM generated: no stack, no spills%n", stacks.size());
        assertThat(stacks).hasSameSizeAs(kernels).hasSizeGreaterThan(50)
                .containsOnly("0 bytes stack frame, 0 bytes spill stores");
    }

    /** All in one file, for which nvcc reads CUDA's headers once; so each function gets its kernel's name. */
    private Path one(List<String> kernels) throws IOException {
        StringBuilder all = new StringBuilder();
        for (String kernel : kernels) {
            Matcher function = FUNCTION.matcher(Files.readString(folder.resolve(kernel + ".cu")));
            all.append(function.replaceAll("$1" + kernel + "(")).append('\n');
        }
        return Files.writeString(folder.resolve("all.cu"), all);
    }

    private static Path nvcc() {
        String cuda = System.getenv().getOrDefault("CUDA_HOME", "/usr/local/cuda");
        Optional<Path> found = Stream.concat(
                        Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator)), Stream.of(cuda + "/bin"))
                .map(bin -> Path.of(bin, "nvcc")).filter(Files::isExecutable).findFirst();
        Assumptions.assumeTrue(found.isPresent(), "nvcc is not installed");
        return found.orElseThrow();
    }

    /** That of the flags with which this JVM was started. */
    private static Path sdk() {
        Path libraries = Path.of(System.getProperty("java.library.path").split(File.pathSeparator)[0]);
        Path sdk = libraries.toAbsolutePath().getParent();
        Assumptions.assumeTrue(Files.exists(sdk.resolve("etc/exportLists/cuda-exports")), "TornadoVM's SDK is not in use");
        return sdk;
    }

    private static Path driver(Path sdk) throws IOException {
        try (Stream<Path> modules = Files.list(sdk.resolve("share/java/tornado"))) {
            Optional<Path> found = Stream.concat(
                            modules, Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                                    .filter(jar -> jar.contains("tornado-api"))
                                    .map(jar -> Path.of(jar.replace("tornado-api", "tornado-drivers-cuda"))))
                    .filter(file -> file.getFileName().toString().matches("tornado-drivers-cuda-[0-9].*\\.jar"))
                    .filter(Files::exists).findFirst();
            Assumptions.assumeTrue(found.isPresent(),
                    "TornadoVM's SDK is none for CUDA, nor is that driver beside TornadoVM's API in Maven's repository");
            return found.orElseThrow();
        }
    }

    private List<String> generator(Path sdk, Path driver) {
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(), "-Xmx1g",
                "-XX:+UnlockExperimentalVMOptions", "-XX:+EnableJVMCI", "-XX:TieredStopAtLevel=1",
                "--module-path", sdk.resolve("share/java/tornado") + File.pathSeparator + driver,
                "--upgrade-module-path", sdk.resolve("share/java/graalJars").toString(),
                // Without this every driver beside it would be loaded, too.
                "--limit-modules", "java.se,jdk.unsupported,jdk.management,jdk.zipfs,jdk.internal.vm.ci,jdk.graal.compiler,"
                        + "jdk.incubator.vector," + MODULES,
                "--add-modules", "ALL-SYSTEM," + MODULES,
                "@" + sdk.resolve("etc/exportLists/common-exports"), "@" + sdk.resolve("etc/exportLists/cuda-exports")));
        Map<String, String> properties = Map.of(
                "tornado.load.api.implementation", PACKAGE + ".runtime.tasks.TornadoTaskGraph",
                "tornado.load.runtime.implementation", PACKAGE + ".runtime.TornadoCoreRuntime",
                "tornado.load.tornado.implementation", PACKAGE + ".runtime.common.Tornado",
                "tornado.load.annotation.implementation", PACKAGE + ".annotation.ASMClassVisitor",
                "tornado.load.annotation.parallel", PACKAGE + ".api.annotations.Parallel",
                "tornado.recover.bailout", "False",
                "tornado.virtual.device", "True",
                "tornado.device.desc", sdk.resolve("examples/virtual-device-GPU.json").toString(),
                "tornado.printKernel", "True",
                "tornado.print.kernel.dir", folder.resolve(CudaSources.PRINTED).toString());
        properties.forEach((name, value) -> command.add("-D" + name + "=" + value));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), CudaSources.class.getName(), folder.toString()));
        return command;
    }

    private void run(List<String> command) throws IOException, InterruptedException {
        Path err = folder.resolve(ERR);
        Process process = new ProcessBuilder(command).directory(folder.toFile())
                .redirectOutput(folder.resolve(OUT).toFile()).redirectError(err.toFile()).start();
        try {
            assertThat(process.waitFor()).as(() -> read(err)).isZero();
        } finally {
            process.destroyForcibly();
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
