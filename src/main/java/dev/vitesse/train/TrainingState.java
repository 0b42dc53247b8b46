// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A run's options and history as the strings that a checkpoint holds. Numbers are written so that every bit returns. */
final class TrainingState {
    private TrainingState() {}

    static Map<String, String> of(TrainingOptions options) {
        Map<String, String> state = new LinkedHashMap<>();
        state.put("epochs", Integer.toString(options.epochs()));
        state.put("batch", Integer.toString(options.batch()));
        state.put("learning_rate", Float.toString(options.learningRate()));
        state.put("schedule", options.schedule().name());
        state.put("warmup", Float.toString(options.warmup()));
        state.put("clip_norm", Float.toString(options.clipNorm()));
        state.put("label_smoothing", Float.toString(options.labelSmoothing()));
        state.put("patience", Integer.toString(options.patience()));
        state.put("seed", Long.toString(options.seed()));
        state.put("optimizer", Optimizers.nameOf(options.optimizer()));
        state.put("weight_decay", Float.toString(options.optimizer().weightDecay()));
        switch (options.optimizer()) {
            case OptimizerRule.Adam adam -> {
                state.put("beta1", Float.toString(adam.beta1()));
                state.put("beta2", Float.toString(adam.beta2()));
                state.put("epsilon", Float.toString(adam.epsilon()));
            }
            case OptimizerRule.Sgd sgd -> {
                state.put("momentum", Float.toString(sgd.momentum()));
                state.put("nesterov", Boolean.toString(sgd.nesterov()));
            }
        }
        return state;
    }

    static TrainingOptions options(Path file, Map<String, String> state) throws IOException {
        try {
            return new TrainingOptions(
                    integer(file, state, "epochs"),
                    integer(file, state, "batch"),
                    optimizer(file, state),
                    decimal(file, state, "learning_rate"),
                    Schedule.valueOf(text(file, state, "schedule")),
                    decimal(file, state, "warmup"),
                    decimal(file, state, "clip_norm"),
                    decimal(file, state, "label_smoothing"),
                    integer(file, state, "patience"),
                    Long.parseLong(text(file, state, "seed")));
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(file, "its training options cannot be used (" + e.getMessage() + ")",
                    "resume from another checkpoint");
        }
    }

    private static OptimizerRule optimizer(Path file, Map<String, String> state) throws IOException {
        float weightDecay = decimal(file, state, "weight_decay");
        OptimizerRule named = Optimizers.named(text(file, state, "optimizer"), weightDecay);
        return switch (named) {
            case OptimizerRule.Adam adam -> new OptimizerRule.Adam(decimal(file, state, "beta1"),
                    decimal(file, state, "beta2"), decimal(file, state, "epsilon"), weightDecay, adam.decoupled());
            case OptimizerRule.Sgd sgd -> new OptimizerRule.Sgd(decimal(file, state, "momentum"), weightDecay,
                    Boolean.parseBoolean(text(file, state, "nesterov")));
        };
    }

    /** One line per epoch. */
    static String of(List<EpochMetrics> history) {
        return history.stream()
                .map(m -> String.join(" ", Integer.toString(m.epoch()), Float.toString(m.learningRate()),
                        Double.toString(m.trainingLoss()), Double.toString(m.trainingAccuracy()),
                        Double.toString(m.validationLoss()), Double.toString(m.validationAccuracy()),
                        Double.toString(m.imagesPerSecond())))
                .collect(Collectors.joining("\n"));
    }

    static List<EpochMetrics> history(String text) {
        List<EpochMetrics> history = new ArrayList<>();
        for (String line : text.lines().toList()) {
            String[] f = line.split(" ");
            history.add(new EpochMetrics(Integer.parseInt(f[0]), Float.parseFloat(f[1]), Double.parseDouble(f[2]),
                    Double.parseDouble(f[3]), Double.parseDouble(f[4]), Double.parseDouble(f[5]),
                    Double.parseDouble(f[6])));
        }
        return history;
    }

    static void requireSame(Path file, Map<String, String> state, String key, String expected) throws IOException {
        String found = text(file, state, key);
        if (!found.equals(expected)) {
            throw new InvalidFileException(file, "was saved with " + key + " " + found + ", not " + expected,
                    "resume with the same data and options");
        }
    }

    static int integer(Path file, Map<String, String> state, String key) throws IOException {
        try {
            return Integer.parseInt(text(file, state, key));
        } catch (NumberFormatException e) {
            throw notANumber(file, state, key);
        }
    }

    private static float decimal(Path file, Map<String, String> state, String key) throws IOException {
        try {
            return Float.parseFloat(text(file, state, key));
        } catch (NumberFormatException e) {
            throw notANumber(file, state, key);
        }
    }

    private static IOException notANumber(Path file, Map<String, String> state, String key) {
        return new InvalidFileException(file, "its " + key + " '" + state.get(key)
                + "' is not a number",
                "resume from another checkpoint");
    }

    private static String text(Path file, Map<String, String> state, String key) throws IOException {
        String value = state.get(key);
        if (value == null) {
            throw new InvalidFileException(file, "has no " + key + " and so is no checkpoint of a training run",
                    "give a run folder made by 'vitesse train'");
        }
        return value;
    }
}
