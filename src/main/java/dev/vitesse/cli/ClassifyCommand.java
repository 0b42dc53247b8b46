// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.image.Images;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.model.Inference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vitesse classify}: what a model sees in images. */
@Command(name = "classify", description = "Prints the likeliest classes of images, with their probabilities.")
final class ClassifyCommand extends CliCommand {
    private static final int LARGEST_BATCH = 32;

    @Option(names = "--model", paramLabel = "RUN", required = true,
            description = "A run folder, or a .safetensors file with a config.json beside it.")
    private Path model;

    @Option(names = "--top", paramLabel = "N", defaultValue = "5",
            description = "How many classes to print. Default: ${DEFAULT-VALUE}.")
    private int top;

    @Parameters(paramLabel = "IMAGE", arity = "1..*",
            description = "PNG, JPEG, BMP or GIF files; of a folder, every file directly in it.")
    private List<Path> images;

    @Mixin
    private DeviceOptions device;

    private final List<Failure> failures = new ArrayList<>();

    /** A class and its probability. */
    private record Guess(int index, String label, double probability) {}

    private record Classified(Path image, List<Guess> top) {}

    private record Failure(Path image, String problem) {}

    private record Prepared(Path image, float[] values) {}

    ClassifyCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (top < 1) {
            throw CommandException.usage("--top is " + top + "; it must be at least 1");
        }
        List<Path> files = files();
        List<Classified> results = new ArrayList<>();
        String deviceName;
        try (Backend backend = device.open(console);
                LoadedModel loaded = ModelFiles.load(model, backend);
                Inference inference = loaded.model().inference(Math.clamp(files.size(), 1, LARGEST_BATCH))) {
            Preprocessing preprocessing = Models.preprocessing(loaded);
            deviceName = backend.name();
            for (int first = 0; first < files.size(); first += LARGEST_BATCH) {
                List<Path> batch = files.subList(first, Math.min(files.size(), first + LARGEST_BATCH));
                classify(loaded, inference, prepare(batch, preprocessing), results);
            }
        }
        print(toJson(results, deviceName), () -> printText(results));
        return conclude(results);
    }

    /** The images given, folders replaced by their files. */
    private List<Path> files() throws IOException {
        List<Path> files = new ArrayList<>();
        for (Path image : images) {
            if (Files.isDirectory(image)) {
                try (Stream<Path> inside = Files.list(image)) {
                    files.addAll(inside.filter(Files::isRegularFile).sorted().toList());
                }
            } else {
                files.add(image);
            }
        }
        return files;
    }

    /** Reads images; those that cannot be read are told of and left out. */
    private List<Prepared> prepare(List<Path> batch, Preprocessing preprocessing) throws IOException {
        List<Prepared> prepared = new ArrayList<>();
        for (Path image : batch) {
            try {
                prepared.add(new Prepared(image, preprocessing.apply(Images.read(image))));
            } catch (InvalidFileException e) {
                console.error(e.getMessage());
                failures.add(new Failure(image, e.getMessage()));
            }
        }
        return prepared;
    }

    private void classify(
            LoadedModel loaded, Inference inference, List<Prepared> batch, List<Classified> results) {
        if (batch.isEmpty()) {
            return;
        }
        int elements = loaded.model().config().imageElements();
        float[] values = new float[batch.size() * elements];
        for (int i = 0; i < batch.size(); i++) {
            System.arraycopy(batch.get(i).values(), 0, values, i * elements, elements);
        }
        float[] logits = inference.logits(values, batch.size());
        int classes = loaded.model().config().classes();
        for (int i = 0; i < batch.size(); i++) {
            double[] probabilities = softmax(logits, i * classes, classes);
            List<Guess> guesses = IntStream.range(0, classes)
                    .mapToObj(k -> new Guess(k, loaded.info().label(k), probabilities[k]))
                    .sorted(Comparator.comparingDouble(Guess::probability).reversed())
                    .limit(top).toList();
            results.add(new Classified(batch.get(i).image(), guesses));
        }
    }

    private static double[] softmax(float[] logits, int offset, int count) {
        double max = IntStream.range(0, count).mapToDouble(k -> logits[offset + k]).max().orElseThrow();
        double[] weights = IntStream.range(0, count).mapToDouble(k -> Math.exp(logits[offset + k] - max)).toArray();
        double sum = 0;
        for (double weight : weights) {
            sum += weight;
        }
        for (int k = 0; k < count; k++) {
            weights[k] /= sum;
        }
        return weights;
    }

    private ObjectNode toJson(List<Classified> results, String deviceName) {
        ObjectNode node = Console.result().put("device", deviceName);
        ArrayNode array = node.putArray("results");
        for (Classified result : results) {
            ArrayNode guesses = array.addObject().put("image", result.image().toString()).putArray("top");
            for (Guess guess : result.top()) {
                guesses.addObject().put("index", guess.index()).put("label", guess.label())
                        .put("probability", guess.probability());
            }
        }
        ArrayNode failed = node.putArray("failed");
        for (Failure failure : failures) {
            failed.addObject().put("image", failure.image().toString()).put("problem", failure.problem());
        }
        return node;
    }

    private void printText(List<Classified> results) {
        for (Classified result : results) {
            console.out().println(result.image());
            for (Guess guess : result.top()) {
                console.out().printf(Locale.ROOT, "  %6.2f %%  %s%n", 100 * guess.probability(), guess.label());
            }
        }
    }

    private int conclude(List<Classified> results) {
        if (failures.isEmpty() && results.isEmpty()) {
            console.warning("no image was given: the folder is empty");
        }
        if (failures.isEmpty()) {
            return ExitCodes.OK;
        }
        if (results.size() + failures.size() > 1) {
            int all = results.size() + failures.size();
            console.message(failures.size() + " of " + all + " images could not be read");
        }
        return results.isEmpty() ? ExitCodes.BAD_INPUT : ExitCodes.FAILED;
    }
}
