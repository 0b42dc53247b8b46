// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** That neither loading and closing models nor calling one takes ever more memory. Only Linux tells of a process's. */
@EnabledOnOs(OS.LINUX)
class MemoryTest {
    private static final int LOADS = 400;
    private static final int CALLS = 10_000;
    private static final long RESIDENT_KIB = 32 << 10;
    private static final long HEAP_KIB = 2 << 10;

    @TempDir
    Path folder;

    @Test
    void staysFlat() throws Exception {
        VitConfig config = VitConfig.builder().imageSize(32).patchSize(8).channels(3).width(64).depth(2).heads(2)
                .mlpWidth(256).classes(10).build();
        try (Backend backend = Backends.open("cpu")) {
            ModelFiles.save(folder, VisionTransformer.create(config, backend, 3),
                    new ModelInfo(List.of(), Preprocessing.squash(3, 32, 0.5f, 0.5f)));
        }
        Map<String, List<Long>> growth = run("cpu");
        assertThat(growth).containsOnlyKeys("loads", "calls");
        growth.forEach((phase, kib) -> {
            assertThat(kib.get(0)).as(phase + ": resident memory").isLessThanOrEqualTo(RESIDENT_KIB);
            assertThat(kib.get(1)).as(phase + ": heap").isLessThanOrEqualTo(HEAP_KIB);
            assertThat(kib.get(2)).as(phase + ": threads").isLessThanOrEqualTo(0);
        });
    }

    /** A heap of one size that is touched from the start: what grows is memory outside it. */
    private Map<String, List<Long>> run(String device) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xms96m", "-Xmx96m",
                "-XX:+AlwaysPreTouch", "-XX:+UseSerialGC", "-cp", System.getProperty("java.class.path"),
                MemoryRun.class.getName(), device, folder.toString(), Integer.toString(LOADS),
                Integer.toString(CALLS)).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(out).isZero();
        System.out.print("memory in KiB, heap in KiB, threads: " + out.replace("\n", "; ").strip() + "\n");
        return out.lines().map(line -> line.split(" ")).collect(Collectors.toMap(fields -> fields[0],
                fields -> List.of(Long.parseLong(fields[1]), Long.parseLong(fields[2]), Long.parseLong(fields[3]))));
    }
}
