// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.data.ImageDataset;
import dev.vitesse.data.MnistSource;
import dev.vitesse.data.NormalizedImages;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Evaluation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vitesse evaluate}: how a model does on a test set. */
@Command(name = "evaluate",
        description = "Measures a model on a test set: loss, accuracy, precision and recall of each class.")
final class EvaluateCommand extends CliCommand {
    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--data", paramLabel = "DIR",
            description = "Folder with the test set's two IDX files. Default: as for train.")
    private @Nullable Path data;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "256",
            description = "Images at a time. Default: ${DEFAULT-VALUE}.")
    private int batch;

    @Mixin
    private DeviceOptions device;

    EvaluateCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (batch <= 0) {
            throw CommandException.usage("--batch is " + batch + "; it must be positive");
        }
        MnistSource.Digits digits = MnistSource.system(console::message).find(data);
        ImageDataset images = digits.test();
        try (Backend backend = device.open(console);
                LoadedModel loaded = ModelFiles.load(model.path(), backend, model.options());
                CountProgress progress = new CountProgress(console, "images", images.count())) {
            Preprocessing preprocessing = loaded.preprocessing();
            requireFits(digits, images, loaded.model().config());
            Evaluation evaluation = Evaluation.of(loaded.model(),
                    new NormalizedImages(images, preprocessing.mean(), preprocessing.std(), null), batch,
                    progress::advance);
            progress.clear();
            print(toJson(evaluation, images, backend), () -> printTable(evaluation, images, backend));
        }
        return ExitCodes.OK;
    }

    private static void requireFits(MnistSource.Digits digits, ImageDataset images, VitConfig config) {
        if (config.imageSize() != images.size() || config.channels() != images.channels()
                || config.classes() < images.classes().size()) {
            throw new CommandException(ExitCodes.BAD_INPUT, String.format(Locale.ROOT,
                    "%s: %d x %d images with %d channels and %d classes do not fit the model's %d x %d, %d and %d;"
                            + " use the data that it was trained for",
                    digits.describe(), images.size(), images.size(), images.channels(), images.classes().size(),
                    config.imageSize(), config.imageSize(), config.channels(), config.classes()));
        }
    }

    private static ObjectNode toJson(Evaluation evaluation, ImageDataset images, Backend backend) {
        ObjectNode result = Console.result()
                .put("accuracy", evaluation.accuracy())
                .put("loss", Console.number(evaluation.loss()))
                .put("images", images.count())
                .put("device", backend.name());
        ArrayNode classes = result.putArray("classes");
        for (int k = 0; k < images.classes().size(); k++) {
            classes.addObject()
                    .put("index", k)
                    .put("label", images.classes().get(k))
                    .put("precision", Console.number(evaluation.precision(k)))
                    .put("recall", Console.number(evaluation.recall(k)));
        }
        return result;
    }

    private void printTable(Evaluation evaluation, ImageDataset images, Backend backend) {
        console.out().printf(Locale.ROOT, "accuracy %.2f %%, loss %.4f (%d images, %s)%n", 100 * evaluation.accuracy(),
                evaluation.loss(), images.count(), backend.name());
        console.out().printf(Locale.ROOT, "%-16s %10s %10s%n", "class", "precision", "recall");
        for (int k = 0; k < images.classes().size(); k++) {
            console.out().printf(Locale.ROOT, "%-16s %10s %10s%n", images.classes().get(k),
                    percent(evaluation.precision(k)), percent(evaluation.recall(k)));
        }
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "-" : String.format(Locale.ROOT, "%.2f %%", 100 * share);
    }
}
