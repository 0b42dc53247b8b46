// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class RehearsalTest {
    @Test
    void callsEveryKernelOnShapesThatTheyTake() {
        new Rehearsal().run();
    }

    @Test
    void everyKernelToBeCompiledEarlyIsThere() throws IOException {
        List<String> lines = Files.readAllLines(Path.of("scripts/kernels.compile")).stream()
                .filter(line -> !line.startsWith("#") && !line.equals("quiet")).toList();
        assertThat(lines).isNotEmpty().allSatisfy(line -> {
            String[] pattern = line.split(",")[1].split("::");
            String type = pattern[0].endsWith("*") ? Tile6x2.class.getName() : pattern[0];
            assertThat(type).startsWith(pattern[0].replace("*", ""));
            List<String> methods =
                    Arrays.stream(Class.forName(type).getDeclaredMethods()).map(Method::getName).toList();
            assertThat(pattern[1].equals("*") || methods.contains(pattern[1])).as(line).isTrue();
        });
    }
}
