// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The archive of classes that the launcher has made after a first command, with a JDK that only tells and the real one. */
class ClassArchiveTest extends LauncherProject {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    /** What a JVM that makes an archive does to files; it notes each call, and fails once a file {@code fail} is there. */
    private static final String TELLING_JAVA = """
            here=$(dirname "$0")
            for option in "$@"; do
                case $option in
                    -XX:DumpLoadedClassList=*) echo tour >>"$here/log"; echo java/lang/Object >"${option#*=}"; exit ;;
                    -Xshare:dump) echo dump >>"$here/log"; [ ! -e "$here/fail" ] || exit 1; dumping=yes ;;
                    -Xshare:on) echo try >>"$here/log"; exit ;;
                    -XX:SharedArchiveFile=*) [ -z "${dumping:-}" ] || { echo classes >"${option#*=}"; exit; } ;;
                esac
            done
            printf '<%s>\\n' "$@"
            exit 42
            """;

    private Path cache;
    private Path launcher;
    private Instant launched = Instant.EPOCH;

    @BeforeEach
    void prepareJdk() throws IOException {
        cache = folder.resolve("a cache");
        launcher = project.resolve("scripts/vitesse");
        script(jdk.resolve("bin/java"), TELLING_JAVA);
        age(project.resolve("target/vitesse.jar"), 50);
        age(project.resolve("target/classpath"), 50);
    }

    private Launch launch(Map<String, String> more, String... args) throws IOException, InterruptedException {
        Map<String, String> environment = new HashMap<>(Map.of("VITESSE_CLASS_CACHE", "", "XDG_CACHE_HOME", cache.toString()));
        environment.putAll(more);
        // Files' times come from a clock that ticks every few milliseconds.
        launched = Instant.now().minusMillis(20);
        return launch(launcher, environment, args);
    }

    /** The files in the cache whose names end so. */
    private List<Path> cached(String end) throws IOException {
        if (!Files.isDirectory(cache.resolve("vitesse"))) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(cache.resolve("vitesse"))) {
            return files.filter(file -> file.toString().endsWith(end)).toList();
        }
    }

    /** Waits for the archive that the last launch is to have made. */
    private Path awaitArchive() throws IOException, InterruptedException {
        Instant end = Instant.now().plus(PATIENCE);
        while (true) {
            for (Path stamp : cached(".lock").isEmpty() ? cached(".stamp") : List.<Path>of()) {
                if (Files.getLastModifiedTime(stamp).toInstant().isAfter(launched)) {
                    return Path.of(stamp.toString().replace(".stamp", ""));
                }
            }
            assertThat(Instant.now()).as("no archive").isBefore(end);
            Thread.sleep(50);
        }
    }

    private List<String> log() throws IOException {
        Path file = jdk.resolve("bin/log");
        return Files.exists(file) ? Files.readAllLines(file) : List.of();
    }

    @Test
    void isMadeAfterTheFirstCommandAndUsedFromThenOn() throws IOException, InterruptedException {
        Launch first = launch(Map.of(), "classify", "a.png");
        assertThat(first.exitCode()).isEqualTo(42);
        assertThat(first.err()).isEmpty();
        assertThat(first.out()).doesNotContain("SharedArchiveFile");
        Path archive = awaitArchive();
        for (String command : List.of("classify", "train", "evaluate", "--help")) {
            Launch next = launch(Map.of(), command);
            assertThat(next.exitCode()).isEqualTo(42);
            assertThat(next.out()).contains("<-XX:SharedArchiveFile=" + archive + ">");
        }
        assertThat(log()).containsExactly("tour", "dump", "try");
        assertThat(cached("")).containsExactlyInAnyOrder(archive, Path.of(archive + ".stamp"));
    }

    @Test
    void isMadeAnewForAChangedJarAndWhereSomebodyWroteIntoIt() throws IOException, InterruptedException {
        launch(Map.of(), "classify");
        Path archive = awaitArchive();
        Files.writeString(archive, "nonsense");
        assertThat(launch(Map.of(), "classify").out()).doesNotContain("SharedArchiveFile");
        awaitArchive();
        assertThat(archive).hasContent("classes");
        Files.setLastModifiedTime(project.resolve("target/vitesse.jar"), FileTime.from(Instant.now()));
        Thread.sleep(50);
        assertThat(launch(Map.of(), "classify").out()).doesNotContain("SharedArchiveFile");
        awaitArchive();
        assertThat(launch(Map.of(), "classify").out()).contains("SharedArchiveFile");
        assertThat(log()).hasSize(9);
    }

    @Test
    void otherJdksAndOptionsHaveTheirOwnAndOddOptionsNone() throws IOException, InterruptedException {
        launch(Map.of(), "classify");
        awaitArchive();
        Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.4\"\n");
        assertThat(launch(Map.of("VITESSE_JAVA_OPTS", "-XX:+UseZGC"), "classify").out()).doesNotContain("SharedArchiveFile");
        assertThat(launch(Map.of("VITESSE_CLASS_CACHE", "off"), "classify").out()).doesNotContain("SharedArchiveFile");
        assertThat(launch(Map.of(), "devices").out()).doesNotContain("SharedArchiveFile");
        assertThat(cached(".lock")).isEmpty();
        assertThat(launch(Map.of("VITESSE_JAVA_OPTS", "-Xmx40g"), "classify").out()).doesNotContain("SharedArchiveFile");
        awaitArchive();
        assertThat(cached(".jsa")).hasSize(2);
    }

    @Test
    void isNotTriedAgainAtOnceWhereItFails() throws IOException, InterruptedException {
        write(jdk.resolve("bin/fail"), "");
        launch(Map.of(), "classify");
        Instant end = Instant.now().plus(PATIENCE);
        while (!log().equals(List.of("tour", "dump")) || cached("").size() != 1) {
            assertThat(Instant.now()).isBefore(end);
            Thread.sleep(50);
        }
        Launch next = launch(Map.of(), "classify");
        assertThat(next.exitCode()).isEqualTo(42);
        assertThat(next.err()).isEmpty();
        Thread.sleep(300);
        assertThat(log()).hasSize(2);
        assertThat(cached("")).hasSize(1).allMatch(file -> file.toString().endsWith(".jsa.lock"));
    }

    @Test
    void aFolderThatCannotBeWrittenIsNoHindrance() throws IOException, InterruptedException {
        Files.writeString(cache, "a file");
        Launch launch = launch(Map.of(), "classify");
        assertThat(launch.exitCode()).isEqualTo(42);
        assertThat(launch.err()).isEmpty();
        Thread.sleep(300);
        assertThat(log()).isEmpty();
    }

    @Test
    void aRealOneHoldsTheClassesAndADamagedOneIsPassedOver() throws IOException, InterruptedException {
        jdk = Path.of(System.getProperty("java.home"));
        jar(project.resolve("target/vitesse.jar"));
        write(project.resolve("target/classpath"), Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar")).collect(Collectors.joining(File.pathSeparator)));
        Files.copy(Path.of("scripts/kernels.compile"), project.resolve("scripts/kernels.compile"));
        String[] command = {"classify", "--device", "cpu", "--model", model().toString(), picture().toString()};
        Launch first = launch(Map.of(), command);
        assertThat(first.exitCode()).as(first.err()).isZero();
        Path archive = awaitArchive();
        Path classes = folder.resolve("classes.log");
        Map<String, String> logging = Map.of("JAVA_TOOL_OPTIONS", "-Xlog:class+load:file=classes.log");
        assertThat(launch(logging, command).out()).isEqualTo(first.out());
        assertThat(Files.readAllLines(classes)).filteredOn(line -> line.contains("shared objects file"))
                .anyMatch(line -> line.contains("picocli.CommandLine ")).anyMatch(line -> line.contains("ClassifyCommand "));
        FileTime made = Files.getLastModifiedTime(archive);
        try (RandomAccessFile file = new RandomAccessFile(archive.toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        // As on a file system that lost a part of it.
        Files.setLastModifiedTime(archive, made);
        Launch damaged = launch(Map.of(), command);
        assertThat(damaged.exitCode()).isZero();
        assertThat(damaged.out()).isEqualTo(first.out());
        assertThat(damaged.err().lines()).allMatch(line -> line.contains("incubator modules"));
    }

    private static void jar(Path file) throws IOException {
        Path classes = Path.of("target/classes");
        try (OutputStream out = Files.newOutputStream(file);
                JarOutputStream jar = new JarOutputStream(out);
                Stream<Path> files = Files.walk(classes)) {
            for (Path path : files.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(classes.relativize(path).toString()));
                Files.copy(path, jar);
            }
        }
    }

    private Path model() throws IOException {
        VitConfig config = VitConfig.builder().imageSize(32).width(64).depth(1).heads(1).classes(3).build();
        Path file = folder.resolve("model");
        try (Backend backend = Backends.open("cpu");
                VisionTransformer model = VisionTransformer.create(config, backend, 1)) {
            ModelFiles.save(file, model, new ModelInfo(List.of(), Preprocessing.squash(3, 32, 0.5f, 0.5f)));
        }
        return file;
    }

    private Path picture() throws IOException {
        return IdxFiles.png(folder.resolve("picture.png"), 2);
    }
}
