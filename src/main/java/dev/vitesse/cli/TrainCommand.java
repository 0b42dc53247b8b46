// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.Backend;
import dev.vitesse.data.Augmentation;
import dev.vitesse.data.MnistSource;
import dev.vitesse.io.VitConfigs;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Trainer;
import dev.vitesse.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vitesse train}: trains a model, or goes on with a run that was interrupted. */
@Command(name = "train", description = {
    "Trains a Vision Transformer on images and leaves a folder with the model, its metrics and pictures.",
    "Without options: the preset mnist on MNIST, which is downloaded once, or on drawn digits without a network."
})
final class TrainCommand extends CliCommand {
    @Spec
    private CommandSpec spec;

    @Option(names = "--data", paramLabel = "DIR",
            description = "Folder with the four IDX files of MNIST or a data set like it, plain or .gz. Default:"
                    + " $$VITESSE_DATA, else the user's cache, else a download.")
    private @Nullable Path data;

    @Option(names = "--out", paramLabel = "RUN",
            description = "Folder for the run's files; must be empty if it exists. Default: runs/<preset>-<time>.")
    private @Nullable Path out;

    @Option(names = "--resume", paramLabel = "RUN",
            description = "Go on with an interrupted run, bit for bit as if it had not been.")
    private @Nullable Path resume;

    @Mixin
    private DeviceOptions device;

    @ArgGroup(validate = false, heading = "%nThe run (with --resume, these come from its checkpoint):%n")
    private TrainOptions options = new TrainOptions();

    TrainCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        return resume == null ? start() : resume(new RunFolder(resume));
    }

    private int start() throws IOException {
        TrainingOptions training = usage(options::training);
        usage(() -> options.config(1));
        MnistSource.Digits digits = MnistSource.system(console::message).find(data);
        TrainingData dataset = TrainingData.load(console, digits, options::validation,
                options.augment ? Augmentation.digits(options.seed()) : null);
        VitConfig config = options.config(dataset.labels().size());
        RunSettings settings = new RunSettings(options.preset(),
                digits.folder() == null ? "" : digits.folder().toAbsolutePath().toString(),
                dataset.validationSize(), options.augment, options.seed());
        RunFolder folder = out == null ? RunFolder.byDefault(options.preset()) : new RunFolder(out);
        folder.requireUnused();
        try (Backend backend = device.open(console);
                TrainingRun run = prepare(folder, dataset, backend, config, training, settings)) {
            return finish(run);
        }
    }

    private int resume(RunFolder folder) throws IOException {
        rejectOptionsOfTheRun();
        folder.requireResumable();
        RunSettings settings = RunSettings.read(folder.settings());
        TrainingOptions training = Trainer.optionsOf(folder.checkpoint());
        VitConfig config = VitConfigs.read(folder.config()).config();
        MnistSource.Digits digits =
                data == null ? settings.digits() : MnistSource.system(console::message).find(data);
        TrainingData dataset =
                TrainingData.load(console, digits, size -> settings.validation(), settings.augmentation());
        try (Backend backend = device.open(console);
                TrainingRun run = prepare(folder, dataset, backend, config, training, settings)) {
            run.restore();
            return finish(run);
        }
    }

    private TrainingRun prepare(
            RunFolder folder, TrainingData dataset, Backend backend, VitConfig config, TrainingOptions training,
            RunSettings settings) {
        dataset.requireFits(config, settings.preset());
        return usage(() -> new TrainingRun(console, folder, dataset, backend, config, training, settings));
    }

    private int finish(TrainingRun run) throws IOException {
        if (!run.train()) {
            return ExitCodes.INTERRUPTED;
        }
        TrainingRun.Result result = run.conclude();
        print(result.toJson(), () -> result.print(console));
        return ExitCodes.OK;
    }

    /** What must stay as it was in a resumed run cannot be given again. */
    private void rejectOptionsOfTheRun() {
        List<String> given = spec.commandLine().getParseResult().matchedOptions().stream()
                .filter(option -> option.group() != null || option.longestName().equals("--out"))
                .map(OptionSpec::longestName).toList();
        if (!given.isEmpty()) {
            throw CommandException.usage(String.join(", ", given)
                    + " cannot be combined with --resume: a resumed run goes on as it was started; leave it out");
        }
    }

    /** Turns a value that {@code supplier} finds out of range into a usage error. */
    private static <T> T usage(Supplier<T> supplier) {
        try {
            return supplier.get();
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        }
    }
}
