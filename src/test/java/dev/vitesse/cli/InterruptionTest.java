// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Ctrl-C, in a process of its own. */
@DisabledOnOs(OS.WINDOWS)
class InterruptionTest {
    @TempDir
    private Path folder;

    @Test
    @Timeout(120)
    void ctrlCSavesAndTheRunGoesOnAsIfItHadNotBeen() throws IOException, InterruptedException {
        Path data = IdxFiles.write(folder.resolve("data"), 64, 16);
        Path stopped = folder.resolve("stopped");
        Process process = start(training(data, stopped));
        List<String> lines = new ArrayList<>();
        try (BufferedReader err = process.errorReader()) {
            for (String line = err.readLine(); line != null; line = err.readLine()) {
                lines.add(line);
                if (line.contains("epoch 2/")) {
                    new ProcessBuilder("kill", "-INT", Long.toString(process.pid())).start().waitFor();
                }
            }
        }
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(String.join("\n", lines)).isEqualTo(ExitCodes.INTERRUPTED);
        assertThat(lines).last().asString().matches(
                "vitesse: interrupted and saved after step \\d+; go on with: vitesse train --resume " + stopped);

        CliRun resumed = CliRun.of("train", "--resume", stopped, "--device", "cpu", "--threads", 1);
        assertThat(resumed.exitCode()).as(resumed.err()).isZero();
        Path whole = folder.resolve("whole");
        assertThat(CliRun.of(training(data, whole).toArray()).exitCode()).isZero();
        assertThat(stopped.resolve("model.safetensors")).hasSameBinaryContentAs(whole.resolve("model.safetensors"));
    }

    private static List<String> training(Path data, Path out) {
        return List.of("train", "--preset", "lightvit", "--data", data.toString(), "--device", "cpu", "--threads", "1",
                "--epochs", "8", "--batch", "16", "--dropout", "0.1", "--augment", "--out", out.toString());
    }

    private static Process start(List<String> args) throws IOException {
        List<String> command = new ArrayList<>();
        if (ignoresInterrupts()) {
            command.addAll(List.of("env", "--default-signal=INT"));
        }
        command.addAll(List.of(
                ProcessHandle.current().info().command().orElseThrow(), "-Xmx512m",
                "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                "-Djava.awt.headless=true", "-cp", System.getProperty("java.class.path"), Main.class.getName()));
        command.addAll(args);
        return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
    }

    /** Whether this process was started as a shell's background job: then its children ignore SIGINT too, unless told. */
    private static boolean ignoresInterrupts() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return false;
        }
        String ignored = Files.readAllLines(status).stream().filter(line -> line.startsWith("SigIgn:")).findFirst()
                .orElse("SigIgn: 0");
        int sigint = 2;
        return (Long.parseUnsignedLong(ignored.substring(7).strip(), 16) >> (sigint - 1) & 1) != 0;
    }
}
