// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LauncherTest extends LauncherProject {
    @Test
    void startsMainWithItsFlagsThroughALinkAndPassesArgumentsAndExitCodeOn() throws IOException, InterruptedException {
        Path link = Files.createSymbolicLink(folder.resolve("a link"),
                folder.relativize(project.resolve("scripts/vitesse")));
        Launch launch = launch(link, Map.of("VITESSE_JAVA_OPTS", "-Xmx1g -Dx=y"), "classify", "my image.png", "*");
        assertThat(launch.exitCode()).isEqualTo(42);
        assertThat(launch.out().lines()).startsWith("25.0.3", "<--add-modules>", "<jdk.incubator.vector>")
                .contains("<--enable-native-access=ALL-UNNAMED>", "<-Xmx1g>", "<-Dx=y>")
                .containsSubsequence("<-cp>", "<" + project.toRealPath() + "/target/vitesse.jar:/a/library.jar>",
                        "<dev.vitesse.cli.Main>", "<classify>", "<my image.png>", "<*>");
        assertThat(launch.err()).isEmpty();
    }

    @Test
    void buildsOnlyWhatIsOlderThanItsSources() throws IOException, InterruptedException {
        Path launcher = project.resolve("scripts/vitesse");
        Files.setLastModifiedTime(project.resolve("src/main/java/Main.java"),
                FileTime.from(Instant.now().plusSeconds(10)));
        assertThat(launch(launcher, Map.of()).err()).contains("vitesse: building " + project.toRealPath());
        age(project.resolve("src/main/java/Main.java"), 100);
        assertThat(launch(launcher, Map.of()).err()).isEmpty();
        Files.delete(project.resolve("target/vitesse.jar"));
        assertThat(launch(launcher, Map.of()).err()).contains("vitesse: building ");
    }

    @Test
    void aFailedBuildShowsMavensMessages() throws IOException, InterruptedException {
        Files.delete(project.resolve("target/vitesse.jar"));
        Launch launch = launch(project.resolve("scripts/vitesse"), Map.of("MVN_EXIT", "1"));
        assertThat(launch.exitCode()).isEqualTo(6);
        assertThat(launch.err()).contains("mvn -q").contains("vitesse: error: the build of ");
        assertThat(launch.out()).isEmpty();
    }

    /** An SDK with the drivers named, where the dynamic linker knows the libraries named. */
    private Map<String, String> tornado(String drivers, String libraries) throws IOException {
        Path sdk = folder.resolve("an sdk");
        for (String driver : drivers.split(" ")) {
            write(sdk.resolve("share/java/tornado/tornado-drivers-" + driver + "-5.2.0-jdk25.jar"), "");
        }
        write(sdk.resolve("etc/tornado.release"), "version=5.2.0-jdk25\nbranch=UNKNOWN\n");
        script(folder.resolve("bin/ldconfig"), "echo '" + libraries + "'");
        return Map.of("TORNADOVM_HOME", sdk.toString(), "HOME", folder.toString());
    }

    @Test
    void onlyCommandsThatMayUseTornadoVmGetItsFlags() throws IOException, InterruptedException {
        Path launcher = project.resolve("scripts/vitesse");
        Map<String, String> environment = tornado("opencl", "libOpenCL.so.1");
        Path sdk = folder.resolve("an sdk");
        for (List<String> command : List.of(List.of("classify", "--device", "tornado", "a.png"),
                List.of("train", "--device=tornado:1"), List.of("evaluate", "--device", "tornado:cuda"), List.of("devices"),
                List.of("kernels", "--dump", "out"), List.of("jvm-flags"))) {
            assertThat(launch(launcher, environment, command.toArray(String[]::new)).out().lines()).as("%s", command)
                    .contains("<-XX:+EnableJVMCI>", "<-Dtornado.recover.bailout=False>", "<-Djava.library.path=" + sdk + "/lib>",
                            "<--enable-native-access=tornado.drivers.opencl>", "<@" + sdk + "/etc/exportLists/opencl-exports>")
                    .containsSubsequence("<--module-path>", "<" + sdk + "/share/java/tornado>");
        }
        for (List<String> command : List.of(List.of("classify", "--device", "opencl", "tornado"), List.of("train"),
                List.of("evaluate", "--device=cpu"))) {
            assertThat(launch(launcher, environment, command.toArray(String[]::new)).out()).as("%s", command)
                    .doesNotContain("JVMCI", "tornado.drivers");
        }
    }

    @Test
    void driversOfTornadoVmWithoutTheirSystemLibraryAreNotLoaded() throws IOException, InterruptedException {
        Path launcher = project.resolve("scripts/vitesse");
        assertThat(launch(launcher, tornado("opencl cuda ptx", "libOpenCL.so.1"), "devices").out())
                .contains("tornado.drivers.opencl").doesNotContain("tornado.drivers.cuda", "tornado.drivers.ptx");
        assertThat(launch(launcher, tornado("opencl cuda ptx", "libOpenCL.so.1 libcuda.so.1"), "devices").out())
                .contains("<--enable-native-access=tornado.drivers.cuda,tornado.drivers.ptx,tornado.drivers.opencl>");
        assertThat(launch(launcher, tornado("opencl cuda", "nothing"), "devices").out()).doesNotContain("JVMCI")
                .contains("an sdk: none of the drivers of this SDK can work here");
    }

    @Test
    void withoutTornadoVmsSdkTheCommandStartsAndSaysItself() throws IOException, InterruptedException {
        Map<String, String> environment = Map.of("TORNADOVM_HOME", folder.resolve("nowhere").toString(),
                "SDKMAN_DIR", folder.resolve("nowhere").toString());
        Launch launch = launch(project.resolve("scripts/vitesse"), environment, "classify", "--device", "tornado");
        assertThat(launch.exitCode()).isEqualTo(42);
        assertThat(launch.out()).doesNotContain("JVMCI").contains("<-Dvitesse.tornado.problem=TORNADOVM_HOME="
                + folder.resolve("nowhere") + ": there is no TornadoVM SDK>");
    }

    @Test
    void anSdkOfAnotherVersionIsNotLoaded() throws IOException, InterruptedException {
        Path launcher = project.resolve("scripts/vitesse");
        Map<String, String> environment = tornado("opencl", "libOpenCL.so.1");
        write(folder.resolve("an sdk/etc/tornado.release"), "version=4.0.1\n");
        assertThat(launch(launcher, environment, "devices").out()).doesNotContain("JVMCI").contains(
                "an sdk: the SDK is of version 4.0.1, not 5.2.0-jdk25>");
        assertThat(launch(launcher, environment, "train").out()).doesNotContain("vitesse.tornado.problem");
    }

    @Test
    void wantsTheTornadoVmThatTheBuildCompilesAgainst() throws IOException {
        String build = Files.readString(Path.of("pom.xml")).replaceAll("(?s).*<tornadovm.version>(.*?)<.*", "$1");
        assertThat(Files.readAllLines(Path.of("scripts/vitesse"))).contains("readonly tornado_version=" + build);
    }

    @Test
    void passesOverJdksThatAreTooOldOrTooNew() throws IOException, InterruptedException {
        for (String version : List.of("17.0.15", "25", "25.0.2", "26.0.1")) {
            Path other = jdk("jdk " + version, version);
            Launch launch = launch(project.resolve("scripts/vitesse"),
                    Map.of("VITESSE_JAVA_HOME", other.toString(), "JAVA_HOME", jdk.toString()));
            assertThat(launch.out()).as(version).startsWith("25.0.3");
        }
        for (String version : List.of("25.0.10", "25.0.4.1", "25.1.0")) {
            Path other = jdk("jdk " + version, version);
            Launch launch = launch(project.resolve("scripts/vitesse"), Map.of("VITESSE_JAVA_HOME", other.toString()));
            assertThat(launch.out()).startsWith(version);
        }
    }

    @Test
    void onlyCommandsWithFewImagesOnTheCpuCompileTheirKernelsEarly() throws IOException, InterruptedException {
        Path launcher = project.resolve("scripts/vitesse");
        for (List<String> command : List.of(List.of("classify", "--model", folder.toString(), "a.png"),
                List.of("features", "--device", "cpu", "a.png"), List.of("attention", "--device=auto", "a.png"))) {
            assertThat(launch(launcher, Map.of(), command.toArray(String[]::new)).out().lines()).as("%s", command)
                    .contains("<-Dvitesse.rehearse=true>",
                            "<-XX:CompileCommandFile=" + project.toRealPath() + "/scripts/kernels.compile>");
        }
        for (List<String> command : List.of(List.of("train"), List.of("evaluate"), List.of("bench"),
                List.of("classify", "--device", "opencl", "cpu"), List.of("classify", "--device=opencl:1"),
                List.of("classify", "--model", "a", folder.toString()), Collections.nCopies(17, "classify"))) {
            assertThat(launch(launcher, Map.of(), command.toArray(String[]::new)).out()).as("%s", command)
                    .doesNotContain("rehearse", "CompileCommandFile");
        }
    }
}
