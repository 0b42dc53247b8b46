// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    /** Everything that depends on the step is in it: dropout, drop path, layer scale. */
    private static final VitConfig CONFIG = VitConfig.builder().imageSize(SyntheticDataset.SIDE).patchSize(4).channels(1)
            .width(16).depth(2).heads(2).classes(3).dropout(0.1f).dropPath(0.1f).layerScale(0.5f).build();

    private static final TrainingOptions OPTIONS = TrainingOptions.defaults(4)
            .withBatch(16).withOptimizer(Optimizers.adamW(0.05f), 0.01f).withSeed(3);

    @TempDir
    Path folder;

    private Backend backend;

    @BeforeEach
    void open() {
        backend = Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(2));
    }

    @AfterEach
    void close() {
        backend.close();
    }

    private Trainer trainer(VisionTransformer model, TrainingOptions options) {
        return new Trainer(model, options, new SyntheticDataset(75, 1), new SyntheticDataset(30, 2));
    }

    private VisionTransformer model() {
        return VisionTransformer.create(CONFIG, backend, 5);
    }

    private static Map<String, float[]> weightsOf(VisionTransformer model) {
        Map<String, float[]> weights = new LinkedHashMap<>();
        model.weights().named().forEach((name, tensor) -> weights.put(name, tensor.toFloats()));
        return weights;
    }

    private static void assertSameBits(Map<String, float[]> actual, Map<String, float[]> expected) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        expected.forEach((name, values) -> assertThat(actual.get(name)).as(name).isEqualTo(values));
    }

    @Test
    void learnsToTellTheClassesApart() {
        VisionTransformer model = model();
        List<EpochMetrics> epochs = new ArrayList<>();
        try (Trainer trainer = trainer(model, OPTIONS)) {
            Trainer.Outcome outcome = trainer.fit(new TrainingListener() {
                @Override
                public void epoch(EpochMetrics metrics) {
                    epochs.add(metrics);
                }
            });
            assertThat(outcome).isEqualTo(Trainer.Outcome.COMPLETED);
            assertThat(trainer.history()).isEqualTo(epochs).hasSize(4);
            assertThat(trainer.steps()).isEqualTo(4 * 5);
        }
        assertThat(epochs.getLast().trainingLoss()).isLessThan(0.5 * epochs.getFirst().trainingLoss());
        assertThat(epochs.getLast().validationAccuracy()).isGreaterThan(0.9);
        Evaluation evaluation = Evaluation.of(model, new SyntheticDataset(30, 2), 7);
        assertThat(evaluation.accuracy()).isEqualTo(epochs.getLast().validationAccuracy());
    }

    @Test
    void givesTheSameBitsAgain() {
        List<Map<String, float[]>> runs = new ArrayList<>();
        for (int run = 0; run < 2; run++) {
            VisionTransformer model = model();
            try (Trainer trainer = trainer(model, OPTIONS)) {
                trainer.fit(new TrainingListener() {});
            }
            runs.add(weightsOf(model));
        }
        assertSameBits(runs.get(1), runs.get(0));
    }

    /** Interrupted in the middle of an epoch, and once more at its end, with early stopping's state to carry along. */
    @Test
    void resumesBitForBit() throws IOException {
        TrainingOptions options = OPTIONS.withPatience(3);
        VisionTransformer whole = model();
        List<EpochMetrics> history;
        try (Trainer trainer = trainer(whole, options)) {
            trainer.fit(new TrainingListener() {});
            history = trainer.history();
        }
        Path checkpoint = folder.resolve("checkpoint.safetensors");
        VisionTransformer resumed = null;
        for (int stopAfter : new int[] {7, 8, 10, Integer.MAX_VALUE}) {
            // Other weights than the saved ones, so that a tensor which is not restored shows.
            resumed = VisionTransformer.create(CONFIG, backend, 99);
            if (stopAfter == 7) {
                resumed = model();
            }
            try (Trainer trainer = trainer(resumed, options)) {
                if (stopAfter > 7) {
                    assertThat(Trainer.optionsOf(checkpoint)).isEqualTo(options);
                    trainer.restore(checkpoint);
                }
                trainer.fit(new TrainingListener() {
                    @Override
                    public void step(int epoch, int step, int steps, float loss, double imagesPerSecond) {
                        if (trainer.steps() == stopAfter) {
                            trainer.requestStop();
                        }
                    }
                });
                trainer.save(checkpoint);
                if (stopAfter == Integer.MAX_VALUE) {
                    assertThat(trainer.history()).usingRecursiveComparison().ignoringFields("imagesPerSecond")
                            .isEqualTo(history);
                }
            }
        }
        assertSameBits(weightsOf(resumed), weightsOf(whole));
    }

    @Test
    void refusesACheckpointOfAnotherRun() throws IOException {
        Path checkpoint = folder.resolve("checkpoint.safetensors");
        try (Trainer trainer = trainer(model(), OPTIONS)) {
            trainer.save(checkpoint);
        }
        try (Trainer trainer = trainer(model(), OPTIONS.withSeed(4))) {
            assertThatThrownBy(() -> trainer.restore(checkpoint)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("seed 3, not 4");
        }
        try (Trainer trainer = new Trainer(model(), OPTIONS, new SyntheticDataset(76, 1), null)) {
            assertThatThrownBy(() -> trainer.restore(checkpoint)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("training_size 75, not 76");
        }
        VisionTransformer wider = VisionTransformer.create(CONFIG.toBuilder().mlpWidth(24).build(), backend, 1);
        try (Trainer trainer = trainer(wider, OPTIONS)) {
            assertThatThrownBy(() -> trainer.restore(checkpoint)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("blocks.0.mlp.fc1.weight");
        }
    }

    @Test
    void stopsEarlyAndGoesBackToTheBestWeights() {
        // A rate that soon does harm: the lowest validation loss comes before the end.
        TrainingOptions options = new TrainingOptions(
                40, 16, Optimizers.adam(0), 0.05f, Schedule.CONSTANT, 0, 0, 0, 2, 1);
        VisionTransformer model = model();
        try (Trainer trainer = trainer(model, options)) {
            assertThat(trainer.fit(new TrainingListener() {})).isEqualTo(Trainer.Outcome.STOPPED_EARLY);
            double lowest = trainer.history().stream().mapToDouble(EpochMetrics::validationLoss).min().orElseThrow();
            assertThat(trainer.history().getLast().validationLoss()).isGreaterThan(lowest);
            assertThat(Evaluation.of(model, new SyntheticDataset(30, 2), 30).loss()).isEqualTo(lowest);
        }
    }

    @Test
    void stopsWhereTheLossIsNotFinite() {
        TrainingOptions options = new TrainingOptions(
                4, 16, Optimizers.sgd(0), 1e30f, Schedule.CONSTANT, 0, 0, 0, 0, 1);
        try (Trainer trainer = trainer(model(), options)) {
            assertThatThrownBy(() -> trainer.fit(new TrainingListener() {}))
                    .isInstanceOf(NonFiniteLossException.class)
                    .hasMessageContaining("at step ").hasMessageContaining("lower the learning rate");
        }
    }

    @Test
    void refusesDataThatDoNotFit() {
        VisionTransformer model = model();
        assertThatThrownBy(() -> trainer(model, OPTIONS.withBatch(76))).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the batch of 76 is larger than the training set of 75 images; use a batch of at most 75");
        VisionTransformer twoClasses = VisionTransformer.create(CONFIG.toBuilder().classes(2).build(), backend, 1);
        assertThatThrownBy(() -> trainer(twoClasses, OPTIONS)).isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the data have 3 classes but the model only 2");
        assertThatThrownBy(() -> new Trainer(model, OPTIONS.withPatience(1), new SyntheticDataset(75, 1), null))
                .hasMessage("early stopping needs a validation set");
        assertThatThrownBy(() -> TrainingOptions.defaults(0)).hasMessage("epochs is 0; it must be positive");
    }

    /** A smaller last batch counts by its own size: one image in a batch of 16 weighs as much as any other. */
    @Test
    void countsTheLastBatchByItsSize() {
        TrainingOptions options = new TrainingOptions(
                1, 16, Optimizers.sgd(0), 1e-30f, Schedule.CONSTANT, 0, 0, 0, 0, 1);
        VisionTransformer model = VisionTransformer.create(
                CONFIG.toBuilder().dropout(0).dropPath(0).build(), backend, 5);
        SyntheticDataset data = new SyntheticDataset(33, 1);
        Evaluation evaluation = Evaluation.of(model, data, 33);
        try (Trainer trainer = new Trainer(model, options, data, null)) {
            trainer.fit(new TrainingListener() {});
            EpochMetrics metrics = trainer.history().getFirst();
            assertThat(metrics.trainingLoss()).isCloseTo(evaluation.loss(), org.assertj.core.data.Offset.offset(1e-6));
            assertThat(metrics.trainingAccuracy()).isEqualTo(evaluation.accuracy());
            assertThat(metrics.validationLoss()).isNaN();
        }
    }
}
