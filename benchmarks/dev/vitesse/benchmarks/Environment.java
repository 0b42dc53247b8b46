// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.OperatingSystemMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Where a report comes from.
 *
 * @param commit of the sources, with a plus sign if they were changed since; empty if unknown
 * @param java version and virtual machine
 * @param jvmFlags of the library's processes
 * @param system operating system and architecture
 * @param processor its name, empty if unknown
 * @param processors that Java sees
 * @param memoryBytes of the machine
 * @param loadBefore how many processes computed on average in the minute before; negative if unknown
 */
public record Environment(
        String commit,
        String java,
        List<String> jvmFlags,
        String system,
        String processor,
        int processors,
        long memoryBytes,
        double loadBefore) {

    private static final Path PROCESSORS = Path.of("/proc/cpuinfo");

    static Environment here(List<String> jvmFlags) {
        OperatingSystemMXBean system = ManagementFactory.getOperatingSystemMXBean();
        long memory = system instanceof com.sun.management.OperatingSystemMXBean more ? more.getTotalMemorySize() : 0;
        return new Environment(
                commitOf(Path.of(System.getProperty("vitesse.home", "."))),
                Runtime.version() + ", " + System.getProperty("java.vm.name") + " ("
                        + System.getProperty("java.vendor") + ")",
                jvmFlags,
                system.getName() + " " + system.getVersion() + ", " + system.getArch(),
                processorName(),
                Runtime.getRuntime().availableProcessors(),
                memory,
                system.getSystemLoadAverage());
    }

    private static String processorName() {
        try {
            return Files.readAllLines(PROCESSORS).stream()
                    .filter(line -> line.startsWith("model name"))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst()
                    .orElse("");
        } catch (IOException e) {
            return ""; // not Linux
        }
    }

    private static String commitOf(Path home) {
        String commit = git(home, "rev-parse", "--short=12", "HEAD");
        return commit.isEmpty() || git(home, "status", "--porcelain", "--untracked-files=no").isEmpty()
                ? commit : commit + "+";
    }

    private static String git(Path home, String... arguments) {
        List<String> command = new ArrayList<>(List.of("git", "-C", home.toString()));
        command.addAll(List.of(arguments));
        try {
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            return process.waitFor() == 0 ? text : "";
        } catch (IOException e) {
            return ""; // no git here
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return "";
        }
    }
}
