// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfigBuilder;
import dev.vitesse.train.Optimizers;
import dev.vitesse.train.Schedule;
import dev.vitesse.train.TrainingOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of {@code train} that define the run: a resumed one has them from its checkpoint. Null: not given. */
final class TrainOptions {
    private static final String DEFAULT_PRESET = "mnist";
    private static final int DEFAULT_EPOCHS = 2;
    private static final int DEFAULT_VALIDATION = 2000;
    private static final float DEFAULT_DECAY = 0.05f;
    private static final float DEFAULT_SGD_RATE = 0.05f;

    @Option(names = "--preset", paramLabel = "NAME",
            description = "The model: ti/16, s/16, b/16, l/16, h/14, mnist or lightvit. Default: mnist.")
    @Nullable String preset;

    @Option(names = "--epochs", paramLabel = "N", description = "Passes over the training set. Default: 2.")
    @Nullable Integer epochs;

    @Option(names = "--batch", paramLabel = "N", description = "Images per step. Default: 64.")
    @Nullable Integer batch;

    @Option(names = "--optimizer", paramLabel = "NAME", description = "adamw, adam or sgd. Default: adamw.")
    @Nullable String optimizer;

    @Option(names = "--lr", paramLabel = "RATE",
            description = "Learning rate after the warm-up. Default: 0.002, with sgd 0.05.")
    @Nullable Float learningRate;

    @Option(names = "--weight-decay", paramLabel = "X",
            description = "Decay of matrices. Default: 0.05 with adamw, else 0.")
    @Nullable Float weightDecay;

    @Option(names = "--schedule", paramLabel = "NAME",
            description = "The learning rate's course after the warm-up: cosine, step or constant."
                    + " Default: cosine.")
    @Nullable Schedule schedule;

    @Option(names = "--warmup", paramLabel = "EPOCHS", description = "Length of the warm-up. Default: 0.2.")
    @Nullable Float warmup;

    @Option(names = "--clip", paramLabel = "NORM",
            description = "Largest norm of the gradient, 0 for any. Default: 1.")
    @Nullable Float clip;

    @Option(names = "--label-smoothing", paramLabel = "X", description = "0 to below 1. Default: 0.")
    @Nullable Float labelSmoothing;

    @Option(names = "--dropout", paramLabel = "X", description = "Share of elements dropped. Default: 0.")
    @Nullable Float dropout;

    @Option(names = "--drop-path", paramLabel = "X",
            description = "Share of residual branches dropped at the last block. Default: 0.")
    @Nullable Float dropPath;

    @Option(names = "--augment", description = "Rotate, scale and shift training images at random.")
    boolean augment;

    @Option(names = "--validation", paramLabel = "N",
            description = "Images held out of the training set and measured after every epoch. Default: 2000, or a"
                    + " tenth of a small training set.")
    @Nullable Integer validation;

    @Option(names = "--patience", paramLabel = "EPOCHS",
            description = "Stop after so many epochs without a lower validation loss, and go back to the best weights."
                    + " Default: never.")
    @Nullable Integer patience;

    @Option(names = "--seed", paramLabel = "N",
            description = "Seed of weights, split, order and dropout; the same seed, device and threads give the same"
                    + " bits. Default: 0.")
    @Nullable Long seed;

    String preset() {
        return preset == null ? DEFAULT_PRESET : preset;
    }

    long seed() {
        return seed == null ? 0 : seed;
    }

    /** Images to hold out of a training set of {@code size}. */
    int validation(int size) {
        return validation == null ? Math.min(DEFAULT_VALIDATION, size / 10) : validation;
    }

    /** The preset's model for data of {@code classes} classes. */
    VitConfig config(int classes) {
        VitConfigBuilder builder = VitConfig.preset(preset()).toBuilder().classes(classes);
        if (dropout != null) {
            builder.dropout(dropout);
        }
        if (dropPath != null) {
            builder.dropPath(dropPath);
        }
        return builder.build();
    }

    /** @throws IllegalArgumentException if a value is out of range */
    TrainingOptions training() {
        TrainingOptions defaults = TrainingOptions.defaults(epochs == null ? DEFAULT_EPOCHS : epochs);
        String rule = optimizer == null ? Optimizers.nameOf(defaults.optimizer()) : optimizer;
        float decay = weightDecay != null ? weightDecay : rule.equals("adamw") ? DEFAULT_DECAY : 0;
        float rate = rule.equals("sgd") ? DEFAULT_SGD_RATE : defaults.learningRate();
        return new TrainingOptions(
                defaults.epochs(),
                batch == null ? defaults.batch() : batch,
                Optimizers.named(rule, decay),
                learningRate == null ? rate : learningRate,
                schedule == null ? defaults.schedule() : schedule,
                warmup == null ? defaults.warmup() : warmup,
                clip == null ? defaults.clipNorm() : clip,
                labelSmoothing == null ? defaults.labelSmoothing() : labelSmoothing,
                patience == null ? defaults.patience() : patience,
                seed());
    }
}
