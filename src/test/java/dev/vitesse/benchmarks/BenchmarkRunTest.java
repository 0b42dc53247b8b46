// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** JMH's forks, turns and comparison, whole, on two devices and one small workload of each kind. */
@Timeout(300)
class BenchmarkRunTest {
    @TempDir
    private Path folder;

    private final List<String> failures = new ArrayList<>();

    private static Settings settings(String... devices) {
        List<String> flags =
                List.of("--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx512m");
        return new Settings(List.of(devices), false, List.of("lightvit"), List.of(1, 2), false,
                List.of("inference", "layerNorm("), List.of(), "python3", 1, true, 0.01, 1, Settings.FEWEST_ROUNDS,
                Path.of("."), new Settings.JvmFlags(flags, flags));
    }

    /** Stops when workload number {@code last} begins. */
    private Report run(BenchmarkRun run, int last) {
        return run.run("test", new Session.Progress() {
            @Override
            public void workload(int number, int of, String title, double secondsLeft) {
                if (number == last) {
                    run.stop();
                }
            }

            @Override
            public void failed(String title, String contender, String reason) {
                failures.add(reason);
            }

            @Override
            public void note(String text) {}
        });
    }

    @Test
    void anInterruptedRunKeepsWhatWasMeasured() {
        Report report = run(new BenchmarkRun(settings("cpu")), 3);
        assertThat(failures).isEmpty();
        assertThat(report.interrupted()).isTrue();
        assertThat(report.measurements()).extracting(Measurement::status)
                .containsExactly(Measurement.Status.OK, Measurement.Status.SKIPPED, Measurement.Status.SKIPPED);
        assertThat(TextReport.of(report)).contains("skipped: interrupted");
    }

    @Test
    void forksTakeTurnsAndGiveTimesAndDifferences() throws Exception {
        BenchmarkRun run = new BenchmarkRun(settings("cpu", "reference"));
        Report report = run(run, Integer.MAX_VALUE);
        assertThat(failures).isEmpty();
        // There was time for nothing, but the first workload of each kind is always measured.
        assertThat(report.measurements()).filteredOn(m -> m.workload().equals("inference lightvit b=2")).hasSize(2)
                .allSatisfy(m -> assertThat(m.reason()).isEqualTo("the time was over; raise --minutes"));
        List<Measurement> measured =
                report.measurements().stream().filter(m -> m.status() != Measurement.Status.SKIPPED).toList();
        assertThat(measured).hasSize(4).allSatisfy(m -> {
            assertThat(m.status()).isEqualTo(Measurement.Status.OK);
            assertThat(m.roundNanos()).hasSize(Settings.FEWEST_ROUNDS).allMatch(nanos -> nanos > 0);
            assertThat(m.difference()).isBetween(0.0, 1e-5);
        });
        assertThat(report.contenders().getFirst().figures().coldStartSeconds()).isPositive();
        assertThat(report.contenders().getFirst().figures().gigaflops()).isPositive();
        run.writeJmhResults(folder.resolve("jmh.json"));
        assertThat(Files.readString(folder.resolve("jmh.json"))).contains("DeviceBenchmark.run").contains("rawData");
    }
}
