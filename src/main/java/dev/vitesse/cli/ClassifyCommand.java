// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.Prediction;
import dev.vitesse.VitModel;
import dev.vitesse.image.Images;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
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

    private record Classified(Path image, List<Prediction> top) {}

    private record Failure(Path image, String problem) {}

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
        try (VitModel vit = VitModel.load(model, device.open(console), LARGEST_BATCH)) {
            vit.preprocessing();
            deviceName = vit.device();
            for (int first = 0; first < files.size(); first += LARGEST_BATCH) {
                classify(vit, files.subList(first, Math.min(files.size(), first + LARGEST_BATCH)), results);
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

    /** Classifies those files that can be read and tells of the others. */
    private void classify(VitModel vit, List<Path> files, List<Classified> results) throws IOException {
        int elements = vit.config().imageElements();
        float[] prepared = new float[files.size() * elements];
        List<Path> readable = new ArrayList<>();
        for (Path file : files) {
            try {
                System.arraycopy(vit.prepare(Images.read(file)), 0, prepared, readable.size() * elements, elements);
                readable.add(file);
            } catch (InvalidFileException e) {
                console.error(e.getMessage());
                failures.add(new Failure(file, e.getMessage()));
            }
        }
        List<List<Prediction>> predictions = vit.classify(Arrays.copyOf(prepared, readable.size() * elements), top);
        for (int i = 0; i < readable.size(); i++) {
            results.add(new Classified(readable.get(i), predictions.get(i)));
        }
    }

    private ObjectNode toJson(List<Classified> results, String deviceName) {
        ObjectNode node = Console.result().put("device", deviceName);
        ArrayNode array = node.putArray("results");
        for (Classified result : results) {
            ArrayNode guesses = array.addObject().put("image", result.image().toString()).putArray("top");
            for (Prediction guess : result.top()) {
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
            for (Prediction guess : result.top()) {
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
