// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command line with {@code --device tornado}. */
class TornadoCommandsTest {
    @TempDir
    private Path folder;

    @Test
    void trainsEvaluatesAndClassifiesAsTheCpuDoes() throws IOException {
        Path data = IdxFiles.write(folder.resolve("data"), 64, 24);
        JsonNode[] trained = new JsonNode[2];
        List<String> devices = List.of("cpu", "tornado");
        for (int i = 0; i < 2; i++) {
            CliRun run = CliRun.of("train", "--json", "--device", devices.get(i), "--data", data, "--preset", "lightvit",
                    "--epochs", "1", "--batch", "8", "--out", folder.resolve(devices.get(i)));
            assertThat(run.exitCode()).as(run.err()).isZero();
            trained[i] = run.json();
        }
        assertThat(trained[1].get("device").asText()).startsWith("tornado:0 (");
        assertThat(trained[1].get("training_loss").asDouble())
                .isCloseTo(trained[0].get("training_loss").asDouble(), within(1e-4));
        assertThat(trained[1].get("test_loss").asDouble()).isCloseTo(trained[0].get("test_loss").asDouble(), within(1e-3));

        CliRun evaluated = CliRun.of("evaluate", "--json", "--device", "tornado:0", "--data", data, "--model",
                folder.resolve("tornado"));
        assertThat(evaluated.err()).contains("compiling ");
        assertThat(evaluated.json().get("loss").asDouble())
                .isCloseTo(trained[1].get("test_loss").asDouble(), within(1e-5));

        Path image = IdxFiles.png(folder.resolve("digit.png"), 1);
        double[] probability = new double[2];
        for (int i = 0; i < 2; i++) {
            CliRun run = CliRun.of("classify", "--json", "--device", devices.get(i), "--model", folder.resolve("tornado"),
                    image);
            assertThat(run.exitCode()).as(run.err()).isZero();
            probability[i] = run.json().get("results").get(0).get("top").get(0).get("probability").asDouble();
        }
        assertThat(probability[1]).isCloseTo(probability[0], within(1e-4));
    }

    @Test
    void dumpsTheSourceOfEveryKernel() throws IOException {
        Path out = folder.resolve("kernels");
        CliRun run = CliRun.of("kernels", "--json", "--device", "tornado", "--preset", "lightvit", "--dump", out);
        assertThat(run.exitCode()).as(run.err()).isZero();
        try (Stream<Path> files = Files.list(out)) {
            List<Path> sources = files.toList();
            assertThat(sources).hasSize(run.json().get("files").size()).hasSizeGreaterThanOrEqualTo(15)
                    .allSatisfy(file -> assertThat(file).content().contains("__kernel void"))
                    .anyMatch(file -> file.getFileName().toString().equals("layer_norm.cl"));
        }
    }

    @Test
    void devicesThatAreNotThereAreOneLine() {
        for (String device : List.of("tornado:cuda", "tornado:99")) {
            CliRun run = CliRun.of("classify", "--device", device, "--model", folder, "image.png");
            assertThat(run.exitCode()).isEqualTo(ExitCodes.DEVICE);
            assertThat(run.errors()).singleElement().asString().contains("there is no device '" + device + "'", "tornado:0");
        }
    }

    @Test
    void theFlagsOfThisJvmArePrintedForOtherPrograms() {
        CliRun run = CliRun.of("jvm-flags");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().lines()).contains("-XX:+EnableJVMCI")
                .anyMatch(flag -> flag.startsWith("--add-exports") && flag.contains("tornado"));
        assertThat(JvmFlagsCommand.quoted("-Da=b c")).isEqualTo("\"-Da=b c\"");
    }
}
