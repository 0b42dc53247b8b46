// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code scripts/vitesse} in a copy of the project with blanks in its path, with a JDK and a Maven that only tell. */
@DisabledOnOs(OS.WINDOWS)
abstract class LauncherProject {
    @TempDir
    Path folder;

    Path project;
    Path jdk;

    record Launch(int exitCode, String out, String err) {}

    @BeforeEach
    void prepare() throws IOException {
        project = Files.createDirectories(folder.resolve("a project/of mine"));
        Files.createDirectories(project.resolve("scripts"));
        for (String script : List.of("vitesse", "class-archive.sh")) {
            Files.copy(Path.of("scripts", script), project.resolve("scripts").resolve(script));
        }
        write(project.resolve("pom.xml"), "<project/>");
        write(project.resolve("src/main/java/Main.java"), "class Main {}");
        write(project.resolve("target/vitesse.jar"), "");
        write(project.resolve("target/classpath"), "/a/library.jar");
        age(project.resolve("pom.xml"), 100);
        age(project.resolve("src/main/java/Main.java"), 100);
        for (String directory : List.of("src/main/java", "src/main")) {
            age(project.resolve(directory), 100);
        }
        jdk = jdk("good jdk", "25.0.3");
        script(folder.resolve("bin/mvn"), "echo \"mvn $*\"; touch target/vitesse.jar; exit ${MVN_EXIT:-0}");
    }

    static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    static void age(Path file, int seconds) throws IOException {
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minusSeconds(seconds)));
    }

    static void script(Path file, String body) throws IOException {
        write(file, "#!/usr/bin/env bash\n" + body + "\n");
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    Path jdk(String name, String version) throws IOException {
        Path home = folder.resolve(name);
        script(home.resolve("bin/java"), "echo " + version + "; printf '<%s>\\n' \"$@\"; exit 42");
        script(home.resolve("bin/javac"), "exit 1");
        write(home.resolve("release"), "IMPLEMENTOR=\"Test\"\nJAVA_VERSION=\"" + version + "\"\n");
        return home;
    }

    Launch launch(Path launcher, Map<String, String> environment, String... args)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(args));
        Path err = folder.resolve("stderr");
        ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile()).redirectError(err.toFile());
        builder.environment().keySet().removeAll(List.of("VITESSE_JAVA_OPTS", "TORNADOVM_HOME", "SDKMAN_DIR", "LD_LIBRARY_PATH"));
        builder.environment().put("VITESSE_CLASS_CACHE", "off");
        builder.environment().put("VITESSE_JAVA_HOME", jdk.toString());
        builder.environment().merge("PATH", folder.resolve("bin").toString(), (old, mine) -> mine + ":" + old);
        builder.environment().putAll(environment);
        Process process = builder.start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Launch(process.waitFor(), out, Files.readString(err));
    }
}
