// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The provider here, and in Java processes with other options. */
@Timeout(300)
class CpuBackendProviderTest {
    @Test
    void theProcessorIsListedAndTheOnlyOne() {
        DeviceInfo info = new CpuBackendProvider().devices().getFirst();
        assertThat(info.id()).isEqualTo("cpu");
        assertThat(info.usable()).isTrue();
        assertThat(info.details()).containsKeys("threads", "vectors", "memory");
        assertThatThrownBy(() -> Backends.open("cpu:1"))
                .isInstanceOf(DeviceException.class)
                .hasMessage("there is no device cpu:1; use cpu");
    }

    @Test
    void withoutTheVectorModuleItSaysWhatToAdd() throws Exception {
        String missing = "the CPU backend needs the Vector API: start java with --add-modules jdk.incubator.vector";
        assertThat(java(List.of(), "list"))
                .isEqualTo("cpu false " + missing + "\n" + "DeviceException: " + missing + "\n");
    }

    /** 128-bit vectors, as every processor has them; as long as AVX-512's; and without a compiler that knows vectors. */
    @ParameterizedTest
    @CsvSource({"4, -XX:MaxVectorSize=16", "16, -Dvitesse.vector.bits=512", "4, -XX:TieredStopAtLevel=1 -Dvitesse.vector.bits=128",
        "8, -XX:+UnlockExperimentalVMOptions -XX:-EnableVectorSupport -Dvitesse.vector.bits=256"})
    void otherVectorsPassTheTableToo(int lanes, String flags) throws Exception {
        List<String> options = new ArrayList<>(List.of(flags.split(" ")));
        options.addAll(List.of("--add-modules", "jdk.incubator.vector", "-Dvitesse.cases=small"));
        assertThat(java(options, "table")).endsWith("\n" + lanes + " lanes pass\n");
    }

    /** Runs {@link #main} in a new process and returns what it printed. */
    private static String java(List<String> options, String argument) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx1g", "-cp",
                System.getProperty("java.class.path")));
        command.addAll(options);
        command.addAll(List.of(CpuBackendProviderTest.class.getName(), argument));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().remove("JDK_JAVA_OPTIONS");
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    /** What the other processes do: tell of the device, or check the table of cases. */
    public static void main(String[] args) {
        if (args[0].equals("list")) {
            DeviceInfo info = new CpuBackendProvider().devices().getFirst();
            System.out.println(info.id() + " " + info.usable() + " " + info.problem());
            try (Backend backend = Backends.open("cpu")) {
                System.out.println("opened " + backend.name());
            } catch (DeviceException e) {
                System.out.println(e.getClass().getSimpleName() + ": " + e.getMessage());
            }
            return;
        }
        try (Backend backend = Backends.open("cpu")) {
            for (KernelCase each : KernelCases.selected()) {
                CaseRunner.check(each, backend);
            }
        }
        System.out.println("\n" + Simd.LANES + " lanes pass");
    }
}
