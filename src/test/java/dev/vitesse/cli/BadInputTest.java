// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.io.Safetensors;
import dev.vitesse.io.SafetensorsWriter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user can get wrong: one line that says what, the documented exit code, and nothing lost or half-written. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class BadInputTest {
    private Path folder;
    private Path data;
    private Path run;

    @BeforeAll
    void train(@TempDir Path temporary) throws IOException {
        folder = temporary;
        data = IdxFiles.write(folder.resolve("data"), 64, 16);
        run = folder.resolve("run");
        assertThat(CliRun.of(training(data, run).toArray()).exitCode()).isZero();
    }

    private static List<Object> training(Path data, Path out, Object... more) {
        List<Object> args = new ArrayList<>(List.of("train", "--preset", "lightvit", "--data", data, "--device", "cpu",
                "--epochs", 1, "--batch", 16, "--validation", 0, "--out", out));
        Collections.addAll(args, more);
        return args;
    }

    private static void expect(int exitCode, String message, Object... args) {
        CliRun result = CliRun.of(args);
        assertThat(result.errors()).as(result.err()).hasSize(1).first().asString().contains(message);
        assertThat(result.exitCode()).as(result.err()).isEqualTo(exitCode);
        assertThat(result.err()).doesNotContain("\tat ").doesNotContain("internal error");
        assertThat(result.out()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "trian | unknown command 'trian' of vitesse, did you mean train?",
        "train --epoch 3 | unknown option '--epoch' of vitesse train, did you mean --epochs",
        "train --epochs 0 | epochs is 0; it must be positive",
        "train --epochs many | 'many' is not an int",
        "train --batch 0 | batch is 0",
        "train --lr -1 | learning rate is -1.0",
        "train --lr NaN | learning rate is NaN",
        "train --preset vit | unknown preset 'vit': use one of ti/16",
        "train --optimizer lion | unknown optimizer 'lion'",
        "train --schedule linear | but was 'linear'",
        "train --dropout 1 | dropout is 1.0",
        "train --warmup 9 | warm-up is 9.0",
        "train extra | unknown argument 'extra'",
        "train --resume somewhere --epochs 3 | --epochs cannot be combined with --resume",
        "classify x.png | missing required option: '--model=MODEL'",
        "classify --model x | missing required parameter: 'IMAGE'",
        "classify --model x --top 0 x.png | --top is 0",
        "evaluate --model x --batch 0 | --batch is 0",
        "verify --model x | missing required option: '--expected=FILE'"
    })
    void wrongUse(String args, String message) {
        expect(ExitCodes.USAGE, message, (Object[]) args.split(" "));
    }

    @Test
    void noCommand() {
        expect(ExitCodes.USAGE, "no command");
    }

    @Test
    void aBatchLargerThanTheData() {
        Path out = folder.resolve("large batch");
        expect(ExitCodes.USAGE, "the batch of 65 is larger than the training set of 64 images",
                "train", "--preset", "lightvit", "--data", data, "--device", "cpu", "--batch", 65, "--validation", 0,
                "--out", out);
        assertThat(out).doesNotExist();
    }

    @Test
    void aPresetThatDoesNotFitTheData() {
        expect(ExitCodes.USAGE, "the images have 28 x 28 pixels and 1 channels but preset ti/16 takes 224 x 224 with 3",
                "train", "--preset", "ti/16", "--data", data, "--out", folder.resolve("ti"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpu", "cpu:7", "cpu:x"})
    void unknownDevices(String device) {
        Path out = folder.resolve("device");
        List<Object> args = new ArrayList<>(training(data, out));
        args.set(args.indexOf("cpu"), device);
        expect(ExitCodes.DEVICE, device, args.toArray());
        assertThat(out).doesNotExist();
    }

    @Test
    void missingAndMalformedIdxFiles() throws IOException {
        Path out = folder.resolve("idx");
        expect(ExitCodes.BAD_INPUT, "does not exist", training(folder.resolve("nowhere"), out).toArray());
        Path bad = IdxFiles.write(folder.resolve("bad data"), 64, 16);
        Path images = bad.resolve(IdxFiles.TRAIN_IMAGES);
        byte[] whole = Files.readAllBytes(images);

        Files.write(images, Arrays.copyOf(whole, whole.length - 100));
        expect(ExitCodes.BAD_INPUT, images.toString(), training(bad, out).toArray());
        byte[] magic = whole.clone();
        magic[3] = 1;
        Files.write(images, magic);
        expect(ExitCodes.BAD_INPUT, images.toString(), training(bad, out).toArray());
        byte[] count = whole.clone();
        count[7]--;
        Files.write(images, Arrays.copyOf(count, whole.length - 784));
        expect(ExitCodes.BAD_INPUT, "63 images", training(bad, out).toArray());
        Files.delete(images);
        expect(ExitCodes.BAD_INPUT, "train-images", training(bad, out).toArray());
        assertThat(out).doesNotExist();
    }

    @Test
    void anOutputFolderInUse() throws IOException {
        Map<String, byte[]> before = contents(run);
        expect(ExitCodes.CANNOT_WRITE, run + ": exists and is not empty", training(data, run).toArray());
        assertThat(contents(run)).usingRecursiveComparison().isEqualTo(before);
        Path file = Files.createFile(folder.resolve("file"));
        expect(ExitCodes.CANNOT_WRITE, file.toString(), training(data, file).toArray());
        expect(ExitCodes.CANNOT_WRITE, file.toString(), training(data, file.resolve("below")).toArray());
    }

    private static Map<String, byte[]> contents(Path folder) throws IOException {
        Map<String, byte[]> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                contents.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        return contents;
    }

    @Test
    void aLossThatIsNotFinite() throws IOException {
        Path out = folder.resolve("diverging");
        List<Object> args = training(data, out, "--lr", "1e30", "--clip", 0, "--warmup", 0);
        expect(ExitCodes.FAILED, "the last good checkpoint, after step", args.toArray());
        try (Safetensors checkpoint = Safetensors.open(out.resolve("checkpoint.safetensors"))) {
            for (float weight : checkpoint.floats("head.weight")) {
                assertThat(weight).isFinite();
            }
        }
    }

    @Test
    void aDamagedCheckpoint() throws IOException {
        Path damaged = copyOfRun("damaged");
        Path checkpoint = damaged.resolve("checkpoint.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(checkpoint.toFile(), "rw")) {
            file.setLength(file.length() / 2);
        }
        expect(ExitCodes.BAD_INPUT, checkpoint.toString(), "train", "--resume", damaged, "--device", "cpu");
        Files.delete(checkpoint);
        expect(ExitCodes.BAD_INPUT, checkpoint + ": does not exist", "train", "--resume", damaged, "--device", "cpu");
        expect(ExitCodes.BAD_INPUT, "is no folder", "train", "--resume", folder.resolve("no run"));
    }

    @Test
    void aModelWithTensorsThatDoNotFit() throws IOException {
        Path changed = copyOfRun("changed");
        Path model = changed.resolve("model.safetensors");
        Path source = run.resolve("model.safetensors");
        rewrite(source, model, "head.bias", new float[7]);
        expect(ExitCodes.BAD_INPUT, "head.bias", evaluation(changed));
        rewrite(source, model, "head.bias", null);
        expect(ExitCodes.BAD_INPUT, "head.bias", evaluation(changed));
        rewrite(source, model, "surplus", new float[3]);
        expect(ExitCodes.BAD_INPUT, "surplus", evaluation(changed));
        Files.write(model, Arrays.copyOf(Files.readAllBytes(source), 5000));
        expect(ExitCodes.BAD_INPUT, model.toString(), evaluation(changed));
        Files.delete(model);
        expect(ExitCodes.BAD_INPUT, model.toString(), evaluation(changed));
    }

    @Test
    void aConfigurationThatDoesNotFit() throws IOException {
        Path changed = copyOfRun("config");
        Path config = changed.resolve("config.json");
        String text = Files.readString(config);
        Files.writeString(config, text.replace("\"hidden_dim\" : 8", "\"hidden_dim\" : 16"));
        expect(ExitCodes.BAD_INPUT, config.toString(), evaluation(changed));
        Files.writeString(config, text.substring(0, 40));
        expect(ExitCodes.BAD_INPUT, config.toString(), evaluation(changed));
    }

    @Test
    void expectedTensorsOfAnotherModel() {
        expect(ExitCodes.BAD_INPUT, "has no tensor",
                "verify", "--model", run, "--expected", run.resolve("model.safetensors"), "--device", "cpu");
    }

    private Object[] evaluation(Path model) {
        return new Object[] {"evaluate", "--model", model, "--data", data, "--device", "cpu"};
    }

    private Path copyOfRun(String name) throws IOException {
        Path copy = Files.createDirectories(folder.resolve(name));
        try (Stream<Path> files = Files.list(run)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(file.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        return copy;
    }

    /** Copies a model with one tensor replaced or added, or left out where {@code values} is null. */
    private static void rewrite(Path source, Path target, String tensor, float @Nullable [] values)
            throws IOException {
        try (Safetensors file = Safetensors.open(source)) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata(file.metadata());
            for (String name : file.tensors().keySet()) {
                if (!name.equals(tensor)) {
                    int[] shape = Arrays.stream(file.tensors().get(name).shape()).mapToInt(Math::toIntExact).toArray();
                    writer.add(name, file.floats(name), shape);
                }
            }
            if (values != null) {
                writer.add(tensor, values, values.length);
            }
            Files.deleteIfExists(target);
            writer.write(target);
        }
    }
}
