// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** README's example, compiled and run as it stands there, by a program that has the library's own dependencies only. */
class ReadmeTest {
    private static final List<String> OPTIONAL = List.of("picocli", "xchart", "progressbar", "jline", "junit", "assertj");

    @TempDir
    Path folder;

    @Test
    void exampleTrainsSavesAndLoads() throws Exception {
        String output = run(List.of("--add-modules", "jdk.incubator.vector"), 0);
        Matcher accuracy = Pattern.compile("accuracy ([0-9.]+)").matcher(output);
        assertThat(accuracy.find()).as(output).isTrue();
        // Ten classes: far from chance, though these are only a few steps of the smallest model.
        assertThat(Double.parseDouble(accuracy.group(1))).isGreaterThan(0.2);
        assertThat(output).containsPattern("logits \\[(-?[0-9.E-]+, ){9}-?[0-9.E-]+]");
        assertThat(folder.resolve("digits/model.safetensors")).isRegularFile();
    }

    @Test
    void withoutTheVectorApiTheMissingFlagIsNamed() throws Exception {
        assertThat(run(List.of(), 1)).contains("DeviceException").contains("--add-modules jdk.incubator.vector");
    }

    private String run(List<String> flags, int expectedExit) throws Exception {
        String classPath = Arrays.stream(System.getProperty("surefire.test.class.path",
                        System.getProperty("java.class.path")).split(File.pathSeparator))
                .filter(entry -> !entry.endsWith("test-classes") && OPTIONAL.stream().noneMatch(entry::contains))
                .collect(Collectors.joining(File.pathSeparator));
        Path source = folder.resolve("Example.java");
        Files.writeString(source, program());
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        // Java compiles the file itself: this JVM, limited to TornadoVM's modules, may have no compiler.
        command.addAll(List.of("-cp", classPath, source.toString()));
        Path output = folder.resolve("output.txt");
        Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                .redirectOutput(output.toFile()).start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        String text = Files.readString(output);
        assertThat(process.exitValue()).as(text).isEqualTo(expectedExit);
        return text;
    }

    /** README's Java block: its imports, and the rest as the body of a main method. */
    private static String program() throws Exception {
        Matcher block = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(Path.of("README.md")));
        assertThat(block.find()).isTrue();
        String imports = block.group(1).lines().filter(line -> line.startsWith("import ")).collect(Collectors.joining("\n"));
        String body = block.group(1).lines().filter(line -> !line.startsWith("import ")).collect(Collectors.joining("\n"));
        return imports + "\npublic class Example {\n    public static void main(String[] arguments) throws Exception {\n"
                + body + "\n    }\n}\n";
    }
}
