// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchCommandTest {
    private static final String TIMES = "1000000.0, 1010000.0, 990000.0, 1005000.0, 995000.0, 1000000.0, 1002000.0";
    private static final String SLOWER = TIMES.replace("1000000.0", "1300000.0").replace("1010000.0", "1310000.0")
            .replace("990000.0", "1290000.0").replace("1005000.0", "1305000.0").replace("995000.0", "1295000.0")
            .replace("1002000.0", "1302000.0");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --device gpu                   | 4 | unknown device 'gpu'
            --preset big                   | 2 | unknown preset 'big': use one of ti/16
            --only softmax                 | 2 | no workload's name contains 'softmax'
            --only linear,softmax          | 2 | no workload's name contains 'softmax'
            --peers tensorflow             | 2 | unknown peer 'tensorflow': use torch, djl or onnx
            --peers torch --python nopython | 2 | peer torch does not start with nopython
            --batch 0                      | 2 | every batch must be at least 1
            --batch many                   | 2 | invalid value for option '--batch'
            --rounds 3                     | 2 | rounds must be at least 6
            --minutes 0                    | 2 | minutes must be positive
            --forks 0                      | 2 | forks must be at least 1
            --threads -1                   | 2 | threads must be at least 1
            --regression 100               | 2 | --regression is 100.0
            --compare missing.json         | 3 | missing.json: there is no such file
            --read pom.xml                 | 3 | pom.xml: is no report of a benchmark
            """)
    void badInputEndsInOneLineBeforeAnythingIsMeasured(String options, int exitCode, String message) {
        CliRun run = CliRun.of((Object[]) ("bench --device cpu " + options).replaceFirst(
                "--device cpu (.*--device)", "$1").split(" "));
        assertThat(run.exitCode()).isEqualTo(exitCode);
        assertThat(run.errors()).singleElement().asString().contains(message);
        assertThat(run.out()).isEmpty();
    }

    private Path report(String name, String times) throws IOException {
        return Files.writeString(folder.resolve(name), """
                {"schema_version": 2, "created": "2026-01-02T03:04:05Z", "command": "c", "interrupted": false,
                 "dtype": "float32", "baseline": "cpu",
                 "environment": {"commit": "", "java": "25", "jvm_flags": [], "system": "s", "processor": "p",
                  "processors": 2, "memory_bytes": 1, "load_before": 0.0},
                 "contenders": [{"name": "cpu", "description": "d", "peer": false, "threads": 2, "details": {},
                  "figures": {"cold_start_seconds": 1.0, "open_seconds": null, "compile_seconds": null,
                   "gigaflops": 100.0, "copies": [{"bytes": 1048576, "gigabytes": 20.0}], "upload_gigabytes": null, "download_gigabytes": null}}],
                 "measurements": [{"workload": "inference ti/16 b=1", "title": "inference ti/16 b=1",
                  "kind": "inference", "op": "inference", "preset": "ti/16", "batch": 1, "flops": 2500000000,
                  "bytes": 23000000, "contender": "cpu", "status": "OK", "reason": "",
                  "compared_with": "reference", "difference": 1e-6,
                  "round_nanos": [%s], "samples": 70, "p50": 1e6, "p99": 1e6, "steady": true, "warm_up_seconds": 0.5,
                  "device_nanos": null, "watts": null, "gpu_watts": null,
                  "first_run_nanos": null}]}
                """.formatted(times));
    }

    @Test
    void aRegressionIsExitCodeOne() throws IOException {
        Path old = report("old.json", TIMES);
        Path now = report("new.json", SLOWER);
        CliRun slower = CliRun.of("bench", "--read", now, "--compare", old);
        assertThat(slower.exitCode()).isEqualTo(ExitCodes.FAILED);
        assertThat(slower.out()).contains("REGRESSION").contains("1 compared");
        assertThat(slower.errors()).singleElement().asString().contains("1 regressions beyond 5.0 % since");
        assertThat(CliRun.of("bench", "--read", now, "--compare", old, "--regression", "40").exitCode()).isZero();
        assertThat(CliRun.of("bench", "--read", old, "--compare", now).exitCode()).isZero();
        assertThat(CliRun.of("bench", "--read", old, "--compare", old).out()).contains("0 faster, 0 regressions");
    }

    @Test
    void anEarlierReportIsShownAndWrittenAnew() throws IOException {
        Path out = folder.resolve("out");
        CliRun run = CliRun.of("bench", "--read", report("old.json", TIMES), "--out", out, "--json");
        assertThat(run.exitCode()).isZero();
        assertThat(run.json().path("files")).hasSize(4);
        assertThat(out.resolve("benchmark.html")).content().contains("inference ti/16 b=1");
    }

    @Test
    void listsWhatItWouldMeasure() {
        CliRun run = CliRun.of("bench", "--device", "cpu", "--preset", "mnist", "--quick", "--list");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().lines()).contains("inference mnist b=1", "training mnist b=128");
    }

    @Test
    void aProcessIsTimedFromItsStartToItsFirstAnswer() throws IOException {
        CliRun run = CliRun.of("bench", "--cold-start", "--device", "cpu", "--preset", "lightvit", "--json");
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.json().path("cold_starts")).singleElement().satisfies(start -> {
            assertThat(start.path("preset").asText()).isEqualTo("lightvit");
            assertThat(start.path("device").asText()).startsWith("cpu (");
            assertThat(start.path("first_seconds").asDouble()).isBetween(0.1, 120.0);
            assertThat(start.path("seconds").asDouble()).isBetween(0.1, 120.0);
            assertThat(start.path("open_seconds").asDouble()).isPositive().isLessThan(start.path("seconds").asDouble());
        });
    }

    @Test
    void theFirstAnswerIsALineForEachPresetAndDevice() {
        CliRun run = CliRun.of("bench", "--cold-start", "--device", "cpu", "--preset", "lightvit");
        assertThat(run.out().lines()).singleElement().asString().matches("lightvit on cpu \\(.*\\): \\d+\\.\\d s to the first"
                + " answer, then \\d+\\.\\d s; of that \\d+\\.\\d s opening, \\d+\\.\\d s compiling and uploading");
    }
}
