// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

@DisabledOnOs(OS.WINDOWS)
class KeyFiguresTest {
    @Test
    void secondsAreThoseOfTheWholeProcess() throws IOException {
        assertThat(new LaunchedAnswer(List.of("sleep", "0.2")).seconds()).isBetween(0.2, 10.0);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void memoryIsTheMostThatWasResident() throws IOException {
        // One block of memory.
        LaunchedAnswer answer = new LaunchedAnswer(List.of("dd", "if=/dev/zero", "of=/dev/null", "bs=64M", "count=4"));
        assertThat(answer.residentBytes()).isBetween(32L << 20, 128L << 20);
    }

    @Test
    void aCommandThatFailsHasNoFigures() {
        LaunchedAnswer answer = new LaunchedAnswer(List.of("sh", "-c", "exit 3"));
        assertThatThrownBy(answer::seconds).isInstanceOf(IOException.class).hasMessageContaining("exit code 3");
        assertThatThrownBy(answer::residentBytes).isInstanceOf(IOException.class).hasMessageContaining("exit code 3");
        assertThatThrownBy(() -> new LaunchedAnswer(List.of("/no/such/command")).seconds()).isInstanceOf(IOException.class);
    }

    private static Settings settings(Path home) {
        return new Settings(List.of("cpu"), false, List.of("ti/16"), List.of(1), true, List.of("first answer"), List.of(),
                "python3", 1, true, 0.01, 1, Settings.FEWEST_ROUNDS, home, new Settings.JvmFlags(List.of(), List.of()));
    }

    @Test
    void figuresAreChosenByNameAndWithoutTheLauncherSayWhyTheyAreMissing() {
        BenchmarkRun run = new BenchmarkRun(settings(Path.of("/nowhere")));
        assertThat(run.workloads()).containsExactly(KeyFigures.FIRST_ANSWER);
        List<String> notes = new ArrayList<>();
        Report report = run.run("test", new Session.Progress() {
            @Override
            public void workload(int number, int of, String title, double secondsLeft) {}

            @Override
            public void failed(String title, String contender, String reason) {}

            @Override
            public void note(String text) {
                notes.add(text);
            }
        });
        assertThat(notes).containsExactly("measuring: first answer ti/16");
        assertThat(report.measurements()).isEmpty();
        assertThat(report.keyFigures()).singleElement().satisfies(figure -> {
            assertThat(figure.value()).isNull();
            assertThat(figure.note()).isEqualTo("there is no /nowhere/scripts/vitesse");
        });
        assertThat(TextReport.of(report)).contains("not measured");
        assertThat(HtmlReport.of(report)).contains("not measured");
    }
}
