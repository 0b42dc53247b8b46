// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.io.AtomicFiles;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.DeviceMemory;
import dev.vitesse.train.EpochMetrics;
import dev.vitesse.train.Evaluation;
import dev.vitesse.train.NonFiniteLossException;
import dev.vitesse.train.Trainer;
import dev.vitesse.train.TrainingListener;
import dev.vitesse.train.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** A run of {@code train} from its first step to its pictures, with what it saves on the way. */
final class TrainingRun implements AutoCloseable {
    private static final int TEST_BATCH = 256;
    /** The most that a crash can cost, where epochs take longer. */
    private static final long SAVE_INTERVAL_NANOS = TimeUnit.MINUTES.toNanos(5);

    private final Console console;
    private final RunFolder folder;
    private final TrainingData data;
    private final TrainingOptions options;
    private final RunSettings settings;
    private final VisionTransformer model;
    private final Trainer trainer;
    private final ModelInfo info;
    private Trainer.Outcome outcome = Trainer.Outcome.INTERRUPTED;
    private boolean restored;
    private int savedStep;
    private long savedNanos = System.nanoTime();

    /** @throws IllegalArgumentException if data, model and options do not fit together */
    TrainingRun(
            Console console, RunFolder folder, TrainingData data, Backend backend, VitConfig config,
            TrainingOptions options, RunSettings settings) {
        this.console = console;
        this.folder = folder;
        this.data = data;
        this.options = options;
        this.settings = settings;
        info = new ModelInfo(data.labels(), data.preprocessing());
        int validationBatch =
                data.validation() == null ? 0 : Math.min(Trainer.VALIDATION_BATCH, data.validation().size());
        long bytes = DeviceMemory.ofTraining(config, options.batch(), options.optimizer(), validationBatch, backend);
        console.message(String.format(Locale.ROOT, "%s: %,d parameters, %,d MiB for training on %s", settings.preset(),
                config.parameterCount(), (bytes + (1 << 20) - 1) >> 20, backend.name()));
        model = VisionTransformer.create(config, backend, settings.seed());
        trainer = new Trainer(model, options, data.training(), data.validation());
    }

    void restore() throws IOException {
        trainer.restore(folder.checkpoint());
        restored = true;
        savedStep = trainer.steps();
        console.message("resuming " + folder.path() + " after step " + trainer.steps());
    }

    /** Makes the run's folder, so that a run that cannot save fails before it has cost anything. */
    private void createFolder() throws IOException {
        AtomicFiles.createFolders(folder.path());
        settings.write(folder.settings());
        saveAll();
    }

    /** The model, the history and, last, the checkpoint that vouches for them. */
    private void saveAll() throws IOException {
        ModelFiles.save(folder.path(), model, info);
        MetricsCsv.write(folder.metrics(), trainer.history());
        saveCheckpoint();
    }

    private void saveCheckpoint() throws IOException {
        trainer.save(folder.checkpoint());
        savedStep = trainer.steps();
        savedNanos = System.nanoTime();
    }

    /** Trains to the end; false if a signal ended it sooner, in which case everything is saved. */
    boolean train() throws IOException {
        try (StopOnSignal _ = new StopOnSignal(trainer::requestStop)) {
            if (!restored) {
                createFolder();
            }
            try (ProgressDisplay progress = ProgressDisplay.of(console, options.epochs())) {
                outcome = trainer.fit(savingTo(progress));
            } catch (NonFiniteLossException e) {
                throw new CommandException(ExitCodes.FAILED, e.getMessage() + "; the last good checkpoint, after step "
                        + savedStep + ", is " + folder.checkpoint());
            } catch (UncheckedIOException e) {
                throw e.getCause();
            }
            if (outcome == Trainer.Outcome.INTERRUPTED) {
                saveAll();
                console.message("interrupted and saved after step " + trainer.steps()
                        + "; go on with: vitesse train --resume " + folder.path());
                return false;
            }
            return true;
        }
    }

    private TrainingListener savingTo(ProgressDisplay progress) {
        return new TrainingListener() {
            @Override
            public void step(int epoch, int step, int steps, float loss, double imagesPerSecond) {
                progress.step(epoch, step, steps, loss, imagesPerSecond);
                if (System.nanoTime() - savedNanos > SAVE_INTERVAL_NANOS) {
                    unchecked(TrainingRun.this::saveCheckpoint);
                }
            }

            @Override
            public void epoch(EpochMetrics metrics) {
                progress.epoch(metrics);
                unchecked(TrainingRun.this::saveAll);
            }
        };
    }

    private interface Saving {
        void run() throws IOException;
    }

    /** A listener may not throw what is checked; {@link #train} takes it out again. */
    private static void unchecked(Saving saving) {
        try {
            saving.run();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Measures the trained model on the test set and draws the pictures. */
    Result conclude() throws IOException {
        if (outcome == Trainer.Outcome.STOPPED_EARLY) {
            console.message("stopped early: the validation loss no longer fell; the model has its best weights");
        }
        Evaluation test = Evaluation.of(model, data.test(), TEST_BATCH);
        Pictures.save(console, folder.curves(), () -> CurvesPicture.draw(trainer.history()));
        Pictures.save(console, folder.confusion(), () -> ConfusionPicture.draw(test.confusion(), data.labels()));
        Pictures.save(console, folder.samples(), () -> SamplesPicture.of(data.testImages(), test));
        return new Result(folder, settings, outcome, trainer.history(), test, model.backend().name(),
                model.config().parameterCount());
    }

    /** What a run that went to its end came to. */
    record Result(
            RunFolder folder, RunSettings settings, Trainer.Outcome outcome, List<EpochMetrics> history,
            Evaluation test, String device, long parameters) {
        ObjectNode toJson() {
            EpochMetrics last = history.getLast();
            return Console.result()
                    .put("test_accuracy", test.accuracy())
                    .put("test_loss", Console.number(test.loss()))
                    .put("epochs", history.size())
                    .put("images_per_second", last.imagesPerSecond())
                    .put("training_loss", last.trainingLoss())
                    .put("training_accuracy", last.trainingAccuracy())
                    .put("stopped_early", outcome == Trainer.Outcome.STOPPED_EARLY)
                    .put("preset", settings.preset())
                    .put("parameters", parameters)
                    .put("seed", settings.seed())
                    .put("device", device)
                    .put("run", folder.path().toString());
        }

        void print(Console console) {
            console.out().printf(Locale.ROOT, "test accuracy %.2f %%, loss %.4f (%d images)%n", 100 * test.accuracy(),
                    test.loss(), test.predictions().length);
            console.out().println("run folder: " + folder.path());
        }
    }

    @Override
    public void close() {
        trainer.close();
        model.close();
    }
}
