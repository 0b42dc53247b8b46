// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitesse.io.Safetensors;
import dev.vitesse.io.SafetensorsWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Every command on a small model and small data: what it prints, what it leaves, its exit code. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CommandsTest {
    private Path folder;
    private Path data;
    private Path run;
    private CliRun training;

    @BeforeAll
    void train(@TempDir Path temporary) throws IOException {
        folder = temporary;
        data = IdxFiles.write(folder.resolve("some data"), 96, 40);
        run = folder.resolve("runs/first");
        training = CliRun.of("train", "--preset", "lightvit", "--data", data, "--device", "cpu", "--threads", 2,
                "--epochs", 2, "--batch", 16, "--validation", 16, "--out", run, "--json");
    }

    @Test
    void trainPrintsOneObjectAndItsProgressElsewhere() throws IOException {
        assertThat(training.exitCode()).as(training.err()).isZero();
        JsonNode json = training.json();
        assertThat(json.get("schema_version").intValue()).isEqualTo(1);
        assertThat(json.get("epochs").intValue()).isEqualTo(2);
        assertThat(json.get("test_accuracy").doubleValue()).isBetween(0.0, 1.0);
        assertThat(json.get("test_loss").doubleValue()).isPositive();
        assertThat(json.get("images_per_second").doubleValue()).isPositive();
        assertThat(json.get("run").textValue()).isEqualTo(run.toString());
        assertThat(training.err()).contains("80 images for training, 16 for validation, 40 for testing")
                .contains("epoch 1/2: training loss").contains("epoch 2/2: training loss");
    }

    @Test
    void trainLeavesARunFolder() throws IOException {
        assertThat(run).isDirectoryContaining(file -> file.endsWith("model.safetensors"));
        try (var files = Files.list(run)) {
            assertThat(files.map(file -> file.getFileName().toString())).containsExactlyInAnyOrder(
                    "model.safetensors", "config.json", "checkpoint.safetensors", "metrics.csv", "run.json",
                    "curves.png", "confusion.png", "samples.png");
        }
        assertThat(Files.readAllLines(run.resolve("metrics.csv"))).hasSize(3)
                .last().asString().matches("2,[^,]+,\\d\\.\\d+,\\d\\.\\d+,\\d\\.\\d+,\\d\\.\\d+,[\\d.]+");
        for (String picture : List.of("curves.png", "confusion.png", "samples.png")) {
            BufferedImage image = ImageIO.read(run.resolve(picture).toFile());
            assertThat(image.getWidth()).as(picture).isGreaterThan(600);
        }
    }

    @Test
    void theSameSeedTrainsTheSameModel() throws IOException {
        Path again = folder.resolve("runs/again");
        CliRun second = CliRun.of("train", "--preset", "lightvit", "--data", data, "--device", "cpu", "--threads", 2,
                "--epochs", 2, "--batch", 16, "--validation", 16, "--out", again);
        assertThat(second.exitCode()).isZero();
        assertThat(second.out()).contains("test accuracy").contains("run folder: " + again);
        assertThat(again.resolve("model.safetensors")).hasSameBinaryContentAs(run.resolve("model.safetensors"));
    }

    @Test
    void resumingAFinishedRunMeasuresItAgain() throws IOException {
        CliRun resumed = CliRun.of("train", "--resume", run, "--device", "cpu", "--json");
        assertThat(resumed.exitCode()).as(resumed.err()).isZero();
        assertThat(resumed.json().get("test_loss")).isEqualTo(training.json().get("test_loss"));
    }

    @Test
    void evaluateFindsWhatTrainingFound() throws IOException {
        CliRun evaluation = CliRun.of("evaluate", "--model", run, "--data", data, "--device", "cpu", "--json");
        assertThat(evaluation.exitCode()).as(evaluation.err()).isZero();
        JsonNode json = evaluation.json();
        assertThat(json.get("schema_version").intValue()).isEqualTo(1);
        assertThat(json.get("accuracy")).isEqualTo(training.json().get("test_accuracy"));
        assertThat(json.get("loss").doubleValue())
                .isCloseTo(training.json().get("test_loss").doubleValue(), within(1e-5));
        assertThat(json.get("classes")).hasSize(10);
    }

    @Test
    void evaluateNeedsOnlyTheTestFiles() throws IOException {
        Path test = IdxFiles.write(folder.resolve("test only"), 16, 40);
        Files.delete(test.resolve(IdxFiles.TRAIN_IMAGES));
        Files.delete(test.resolve(IdxFiles.TRAIN_LABELS));
        CliRun evaluation = CliRun.of("evaluate", "--model", run, "--data", test, "--device", "cpu");
        assertThat(evaluation.exitCode()).as(evaluation.err()).isZero();
        assertThat(evaluation.out()).startsWith("accuracy").contains("precision");
    }

    @Test
    void classifyGivesTheLikeliestClasses() throws IOException {
        Path image = IdxFiles.png(folder.resolve("digit.png"), 1);
        Path larger = IdxFiles.png(folder.resolve("larger digit.png"), 3);
        CliRun result = CliRun.of("classify", "--model", run, "--device", "cpu", "--top", 3, "--json", image, larger);
        assertThat(result.exitCode()).as(result.err()).isZero();
        JsonNode results = result.json().get("results");
        assertThat(results).hasSize(2);
        assertThat(results.get(0).get("image").textValue()).isEqualTo(image.toString());
        JsonNode top = results.get(0).get("top");
        assertThat(top).hasSize(3);
        assertThat(top.get(0).get("label").textValue()).isEqualTo(top.get(0).get("index").asText());
        assertThat(top.get(0).get("probability").doubleValue())
                .isGreaterThanOrEqualTo(top.get(1).get("probability").doubleValue()).isBetween(0.1, 1.0);
    }

    @Test
    void classifySkipsBadImagesAndSaysSo() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images"));
        IdxFiles.png(images.resolve("a.png"), 1);
        Files.write(images.resolve("b.png"), new byte[] {1, 2, 3});
        CliRun some = CliRun.of("classify", "--model", run, "--device", "cpu", "--json", images);
        assertThat(some.exitCode()).isEqualTo(ExitCodes.FAILED);
        assertThat(some.json().get("results")).hasSize(1);
        assertThat(some.json().get("failed")).hasSize(1);
        assertThat(some.errors()).hasSize(1).first().asString().contains("b.png");
        CliRun none = CliRun.of("classify", "--model", run, "--device", "cpu", images.resolve("b.png"));
        assertThat(none.exitCode()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(none.errors()).hasSize(1);
    }

    @Test
    void classifyGoesThroughFoldersInOrder() throws IOException {
        Path top = Files.createDirectories(folder.resolve("tree/inner/deep")).getParent().getParent();
        List<Path> expected = new ArrayList<>();
        for (int i = 0; i < 70; i++) {
            Path parent = i < 35 ? top : i < 60 ? top.resolve("inner") : top.resolve("inner/deep");
            expected.add(IdxFiles.png(parent.resolve("image" + (100 + i) + ".png"), 1 + i % 3));
        }
        Files.writeString(top.resolve("notes.txt"), "no image, and not meant to be one");
        Files.createSymbolicLink(top.resolve("inner/round"), top);
        CliRun result = CliRun.of("classify", "--model", run, "--device", "cpu", "--json", top);
        assertThat(result.exitCode()).as(result.err()).isEqualTo(ExitCodes.FAILED);
        expected.sort(null);
        assertThat(result.json().get("results").findValuesAsText("image"))
                .containsExactlyElementsOf(expected.stream().map(Path::toString).toList());
        assertThat(result.json().get("failed")).hasSize(1);
        assertThat(result.errors()).hasSize(1).first().asString().contains("round: leads round in circles");
        assertThat(result.err()).contains("70 images classified, ").contains("1 of 71 could not be read");
        // The same image alone: other batches, the same answer.
        CliRun one = CliRun.of("classify", "--model", run, "--device", "cpu", "--json", expected.get(40));
        assertThat(one.json().get("results").get(0)).isEqualTo(result.json().get("results").get(40));
        assertThat(one.err()).doesNotContain("images/s");
        CliRun none = CliRun.of("classify", "--model", run, "--device", "cpu", Files.createDirectory(top.resolve("x")));
        assertThat(none.exitCode()).isZero();
        assertThat(none.err()).contains("warning: no image was given");
    }

    @Test
    void featuresWritesAMatrixForNumpy() throws IOException {
        Path images = Files.createDirectories(folder.resolve("for features"));
        Path first = IdxFiles.png(images.resolve("a.png"), 1);
        Path second = IdxFiles.png(images.resolve("c.png"), 2);
        Files.write(images.resolve("b.png"), new byte[] {1, 2, 3});
        Path out = folder.resolve("features.npy");
        CliRun result = CliRun.of("features", "--model", run, "--device", "cpu", "--out", out, "--vector",
                "patch_mean", "--json", images);
        assertThat(result.exitCode()).isEqualTo(ExitCodes.FAILED);
        assertThat(result.errors()).hasSize(1).first().asString().contains("b.png");
        assertThat(result.json().get("images")).extracting(JsonNode::textValue)
                .containsExactly(first.toString(), second.toString());
        int width = result.json().get("width").intValue();
        byte[] file = Files.readAllBytes(out);
        int header = 10 + (file[8] & 0xff);
        assertThat(header % 64).isZero();
        assertThat(new String(file, 10, header - 10, StandardCharsets.US_ASCII))
                .startsWith("{'descr': '<f4', 'fortran_order': False, 'shape': (2, " + width + "), }").endsWith("\n");
        assertThat(file).hasSize(header + 2 * width * Float.BYTES);

        Path both = folder.resolve("features.safetensors");
        assertThat(CliRun.of("features", "--model", run, "--device", "cpu", "--out", both, "--blocks", first, second)
                .exitCode()).isZero();
        try (Safetensors tensors = Safetensors.open(both)) {
            assertThat(tensors.metadata().get("images")).contains("a.png\",\"").endsWith("c.png\"]");
            float[] means = tensors.floats("patch_mean");
            assertThat(ByteBuffer.wrap(file, header, 8).order(ByteOrder.LITTLE_ENDIAN).getFloat()).isEqualTo(means[0]);
            assertThat(tensors.entry("block.0").shape()).startsWith(2).endsWith(width);
        }
        assertThat(CliRun.of("features", "--model", run, "--out", folder.resolve("features.csv"), first).exitCode())
                .isEqualTo(ExitCodes.USAGE);
    }

    @Test
    void attentionDrawsAHeatMap() throws IOException {
        Path image = IdxFiles.png(folder.resolve("looked at.png"), 2);
        Path out = folder.resolve("heat.png");
        CliRun result = CliRun.of("attention", "--model", run, "--device", "cpu", "--out", out, "--json", image);
        assertThat(result.exitCode()).as(result.err()).isZero();
        int grid = result.json().get("grid").intValue();
        assertThat(result.json().get("map")).hasSize(grid * grid);
        BufferedImage picture = ImageIO.read(out.toFile());
        assertThat(picture.getWidth()).isEqualTo(448);
        assertThat(picture.getHeight()).isEqualTo(448);
        CliRun head = CliRun.of("attention", "--model", run, "--device", "cpu", "--out", out, "--block", 0, "--head",
                1, image);
        assertThat(head.out()).contains("block 0, head 1");
        CliRun none = CliRun.of("attention", "--model", run, "--device", "cpu", "--out", out, "--block", 99, image);
        assertThat(none.exitCode()).isEqualTo(ExitCodes.USAGE);
        assertThat(none.errors().getFirst()).contains("--block is 99; the model has 0 to");
    }

    @Test
    void verifyAcceptsWhatPyTorchComputed() throws IOException {
        CliRun result = CliRun.of("verify", "--model", golden("tiny.hf"), "--expected", golden("tiny.expected"),
                "--device", "cpu", "--json");
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(result.json().get("ok").booleanValue()).isTrue();
        assertThat(result.json().get("worst").doubleValue()).isPositive().isLessThan(1e-4);
        assertThat(result.json().get("tensors").size()).isGreaterThan(40);
    }

    @Test
    void verifyNamesATensorOutOfTolerance() throws IOException {
        Path changed = folder.resolve("changed.safetensors");
        try (Safetensors file = Safetensors.open(golden("tiny.expected"))) {
            float[] logits = file.floats("logits");
            logits[0] += 0.01f;
            new SafetensorsWriter().metadata(file.metadata())
                    .add("input", file.floats("input"), 3, 3, 32, 32)
                    .add("labels", new int[] {0, 1, 2}, 3)
                    .add("logits", logits, 3, 7)
                    .write(changed);
        }
        CliRun result = CliRun.of("verify", "--model", golden("tiny.timm"), "--expected", changed, "--device", "cpu");
        assertThat(result.exitCode()).isEqualTo(ExitCodes.FAILED);
        assertThat(result.out()).containsPattern("logits .*OUT");
        assertThat(result.errors()).hasSize(1);
    }

    @Test
    void devicesListsThem() throws IOException {
        CliRun result = CliRun.of("devices", "--json");
        assertThat(result.exitCode()).isZero();
        assertThat(result.json().get("devices").findValuesAsText("id")).contains("cpu", "reference");
        assertThat(CliRun.of("devices").out()).contains("cpu ");
    }

    @Test
    void traceNamesEveryOperation() throws IOException {
        CliRun result = CliRun.of("classify", "--model", run, "--device", "reference", "--trace",
                IdxFiles.png(folder.resolve("traced.png"), 1));
        assertThat(result.exitCode()).isZero();
        assertThat(result.err()).contains("patchEmbedding").contains("attention").contains("|logits|=");
        assertThat(result.out()).doesNotContain("attention");
    }

    @Test
    void helpDocumentsTheExitCodes() {
        CliRun result = CliRun.of("train", "--help");
        assertThat(result.exitCode()).isZero();
        assertThat(result.out()).contains("--resume").contains("Exit codes:").contains("interrupted");
    }

    private static Path golden(String name) {
        try {
            return Path.of(Objects.requireNonNull(CommandsTest.class.getResource("/golden/" + name + ".safetensors"))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
