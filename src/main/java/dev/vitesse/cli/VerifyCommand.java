// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.io.Safetensors;
import dev.vitesse.io.SafetensorsWriter;
import dev.vitesse.io.TensorFile;
import dev.vitesse.io.VitConfigs;
import dev.vitesse.model.Verification;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vitesse verify}: whether a device computes what another implementation computed. */
@Command(name = "verify", description = {
    "Recomputes logits, activations and gradients and compares them with those of another implementation.",
    "The expected file holds input, labels and any of logits, loss, activation.<module>, grad.<parameter> and"
            + " grad.input, under timm's names."
})
final class VerifyCommand extends CliCommand {
    private static final String INPUT = "input";
    private static final String LABELS = "labels";
    private static final long RECORD_SEED = 1;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @ArgGroup(multiplicity = "0..1")
    private Target target = new Target();

    @Option(names = "--images", paramLabel = "N", defaultValue = "2",
            description = "With --record: how many random images. Default: ${DEFAULT-VALUE}.")
    private int images;

    private static final class Target {
        @Option(names = "--expected", paramLabel = "FILE", description = "The tensors to compare with, as .safetensors.")
        private @Nullable Path expected;

        @Option(names = "--record", paramLabel = "FILE",
                description = "Write what this device computes to FILE, for --expected on another device or version.")
        private @Nullable Path record;
    }

    @Mixin
    private DeviceOptions device;

    VerifyCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (target.record != null) {
            return record(target.record);
        }
        Path expected = target.expected;
        if (expected == null) {
            throw CommandException.usage("missing required option: '--expected=FILE' or '--record=FILE'");
        }
        try (TensorFile file = Safetensors.open(expected);
                Backend backend = device.open(console);
                LoadedModel loaded = ModelFiles.load(model.path(), backend, model.options())) {
            List<Verification.Comparison> comparisons = compare(file, loaded);
            Verification.Comparison worst = comparisons.stream()
                    .max(Comparator.comparingDouble(Verification.Comparison::relativeDifference)).orElseThrow();
            long outside = comparisons.stream().filter(c -> !c.withinTolerance()).count();
            print(toJson(comparisons, worst, outside == 0, backend), () -> printTable(comparisons, worst, backend));
            if (outside > 0) {
                console.error(outside + " of " + comparisons.size() + " tensors of " + expected
                        + " are out of tolerance on " + backend.name());
            }
            return outside == 0 ? ExitCodes.OK : ExitCodes.FAILED;
        }
    }

    /** Computes everything for random images and labels, always the same for the same sizes, and writes it. */
    private int record(Path path) throws IOException {
        if (images < 1) {
            throw CommandException.usage("--images is " + images + "; it must be at least 1");
        }
        try (Backend backend = device.open(console);
                LoadedModel loaded = ModelFiles.load(model.path(), backend, model.options())) {
            VitConfig config = loaded.model().config();
            float[] input = new float[Math.multiplyExact(images, config.imageElements())];
            int[] labels = new int[images];
            SplittableRandom random = new SplittableRandom(RECORD_SEED);
            for (int i = 0; i < input.length; i++) {
                input[i] = (float) random.nextGaussian();
            }
            for (int i = 0; i < images && config.classes() > 0; i++) {
                labels[i] = random.nextInt(config.classes());
            }
            SafetensorsWriter writer = new SafetensorsWriter().metadata("device", backend.name())
                    .metadata(VitConfigs.toMetadata(config, ModelInfo.NONE))
                    .add(INPUT, input, images, config.channels(), config.imageSize(), config.imageSize())
                    .add(LABELS, labels, images);
            try (Verification verification = new Verification(loaded.model(), input, labels)) {
                for (String tensor : verification.tensors()) {
                    writer.add(tensor, verification.value(tensor), verification.shape(tensor));
                }
                writer.write(path);
                String text = verification.tensors().size() + " tensors of " + images + " images recorded on "
                        + backend.name() + ": " + path;
                print(Console.result().put("tensors", verification.tensors().size()).put("images", images)
                        .put("device", backend.name()).put("file", path.toString()), () -> console.out().println(text));
            } catch (IllegalArgumentException e) {
                throw new InvalidFileException(model.path(), "cannot be verified: " + e.getMessage(),
                        "use a model with a head and without dropout", e);
            }
        }
        return ExitCodes.OK;
    }

    private List<Verification.Comparison> compare(TensorFile file, LoadedModel loaded) throws IOException {
        Path expected = file.path();
        Set<String> inputs = Set.of(INPUT, LABELS);
        List<String> names = file.tensors().keySet().stream().filter(name -> !inputs.contains(name)).toList();
        if (names.isEmpty()) {
            throw new InvalidFileException(
                    expected, "holds nothing to compare", "add logits, activations or gradients");
        }
        int[] labels = Arrays.stream(file.longs(LABELS)).mapToInt(Math::toIntExact).toArray();
        try (Verification verification = new Verification(loaded.model(), file.floats(INPUT), labels)) {
            List<Verification.Comparison> comparisons = new ArrayList<>();
            for (String name : names) {
                comparisons.add(verification.compare(name, file.floats(name)));
            }
            return comparisons;
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(expected, "does not fit " + model.path() + ": " + e.getMessage(),
                    "use the file that was computed with these weights", e);
        }
    }

    private static ObjectNode toJson(
            List<Verification.Comparison> comparisons, Verification.Comparison worst, boolean ok, Backend backend) {
        ObjectNode result = Console.result()
                .put("ok", ok)
                .put("worst", Console.number(worst.relativeDifference()))
                .put("worst_tensor", worst.tensor())
                .put("device", backend.name());
        ArrayNode tensors = result.putArray("tensors");
        for (Verification.Comparison c : comparisons) {
            tensors.addObject()
                    .put("tensor", c.tensor())
                    .put("elements", c.elements())
                    .put("absolute_difference", Console.number(c.difference()))
                    .put("relative_difference", Console.number(c.relativeDifference()))
                    .put("tolerance", c.tolerance())
                    .put("ok", c.withinTolerance());
        }
        return result;
    }

    private void printTable(
            List<Verification.Comparison> comparisons, Verification.Comparison worst, Backend backend) {
        int width = comparisons.stream().mapToInt(c -> c.tensor().length()).max().orElse(0);
        String format = "%-" + width + "s  %10s  %10s  %10s%n";
        console.out().printf(Locale.ROOT, format, "tensor", "absolute", "relative", "tolerance");
        for (Verification.Comparison c : comparisons) {
            String mark = c.withinTolerance() ? "" : "  OUT";
            console.out().printf(Locale.ROOT, format, c.tensor(), scientific(c.difference()),
                    scientific(c.relativeDifference()), scientific(c.tolerance()) + mark);
        }
        console.out().printf(Locale.ROOT, "worst: %s, %s relative to its largest value, on %s%n", worst.tensor(),
                scientific(worst.relativeDifference()), backend.name());
    }

    private static String scientific(double value) {
        return String.format(Locale.ROOT, "%.2e", value);
    }
}
