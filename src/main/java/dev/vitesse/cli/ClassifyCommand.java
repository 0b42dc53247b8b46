// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.Prediction;
import dev.vitesse.VitModel;
import java.io.IOException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vitesse classify}: what a model sees in images. */
@Command(name = "classify",
        description = "Prints the likeliest classes of images, with their probabilities. Images that cannot be read"
                + " are reported and skipped: the exit code is 1 if that befell some, 3 if it befell all.")
final class ClassifyCommand extends CliCommand {
    private static final int LARGEST_BATCH = 32;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--top", paramLabel = "N", defaultValue = "5",
            description = "How many classes to print. Default: ${DEFAULT-VALUE}.")
    private int top;

    @Parameters(paramLabel = "IMAGE", arity = "1..*",
            description = "JPEG, PNG, BMP, GIF or WebP files; of a folder, those in it and in the folders below.")
    private List<Path> images;

    @Mixin
    private DeviceOptions device;

    private final List<Classified> results = new ArrayList<>();
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
        List<Path> files = ImageFiles.of(images, e -> fail(Path.of(String.valueOf(e.getMessage())), unlisted(e)));
        try (VitModel vit = VitModel.load(model.path(), device.open(console), LARGEST_BATCH, model.options());
                PreparedImages prepared = new PreparedImages(vit, files, LARGEST_BATCH);
                CountProgress progress = new CountProgress(console, "images", files.size())) {
            // Before the first image: what the model's files lack is not the images' fault.
            vit.preprocessing();
            if (vit.config().classes() == 0) {
                throw new CommandException(ExitCodes.BAD_INPUT, model.path()
                        + ": has no classification head, only features; use 'vitesse features'");
            }
            for (List<PreparedImages.Prepared> next = prepared.next(); !next.isEmpty(); next = prepared.next()) {
                List<Classified> batch = classify(vit, next, progress);
                results.addAll(batch);
                if (!json()) {
                    progress.clear();
                    printText(batch);
                }
                progress.advance(next.size());
            }
            progress.clear();
            print(toJson(vit.device()), () -> {});
            return conclude(progress);
        }
    }

    private static String unlisted(IOException e) {
        String reason = e instanceof FileSystemLoopException ? "leads round in circles" : "cannot be listed";
        return e.getMessage() + ": " + reason + "; check its permissions and links";
    }

    private void fail(Path image, String problem) {
        console.error(problem);
        failures.add(new Failure(image, problem));
    }

    /** Classifies those files that could be read and tells of the others. */
    private List<Classified> classify(VitModel vit, List<PreparedImages.Prepared> files, CountProgress progress) {
        int elements = vit.config().imageElements();
        float[] values = new float[files.size() * elements];
        List<Path> readable = new ArrayList<>();
        for (PreparedImages.Prepared file : files) {
            if (file.values() != null) {
                System.arraycopy(file.values(), 0, values, readable.size() * elements, elements);
                readable.add(file.file());
            } else {
                progress.clear();
                fail(file.file(), String.valueOf(file.problem()));
            }
        }
        List<List<Prediction>> predictions = vit.classify(Arrays.copyOf(values, readable.size() * elements), top);
        return IntStream.range(0, readable.size())
                .mapToObj(i -> new Classified(readable.get(i), predictions.get(i))).toList();
    }

    private ObjectNode toJson(String deviceName) {
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

    private void printText(List<Classified> batch) {
        for (Classified result : batch) {
            console.out().println(result.image());
            for (Prediction guess : result.top()) {
                console.out().printf(Locale.ROOT, "  %6.2f %%  %s%n", 100 * guess.probability(), guess.label());
            }
        }
    }

    private int conclude(CountProgress progress) {
        int all = results.size() + failures.size();
        if (all == 0) {
            console.warning("no image was given: the folders hold none");
        }
        if (all > 1) {
            console.message(String.format(Locale.ROOT,
                    "%d images classified, %.1f images/s; %d of %d could not be read", results.size(),
                    progress.perSecond(), failures.size(), all));
        }
        if (failures.isEmpty()) {
            return ExitCodes.OK;
        }
        return results.isEmpty() ? ExitCodes.BAD_INPUT : ExitCodes.FAILED;
    }
}
