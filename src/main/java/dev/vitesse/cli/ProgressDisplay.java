// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.train.EpochMetrics;
import dev.vitesse.train.TrainingListener;
import java.time.Duration;
import java.util.Locale;

/** Shows how training goes: a bar on a terminal, plain lines elsewhere. */
abstract class ProgressDisplay implements TrainingListener, AutoCloseable {
    final Console console;
    private final int epochs;
    private final long startNanos = System.nanoTime();
    private long stepsShown;

    /**
     * Where training is.
     *
     * @param left time until the last epoch ends if all goes on as it did since the start
     */
    record Position(
            int epoch, int epochs, int step, int steps, float loss, double imagesPerSecond, Duration left) {
        /** The share of the whole run that is done, 0 to 1. */
        double share() {
            return ((epoch - 1) * (double) steps + step) / ((double) epochs * steps);
        }

        String timeLeft() {
            long seconds = left.toSeconds();
            return seconds < 3600
                    ? String.format(Locale.ROOT, "%d:%02d left", seconds / 60, seconds % 60)
                    : String.format(Locale.ROOT, "%d:%02d:%02d left", seconds / 3600, seconds / 60 % 60, seconds % 60);
        }
    }

    ProgressDisplay(Console console, int epochs) {
        this.console = console;
        this.epochs = epochs;
    }

    static ProgressDisplay of(Console console, int epochs) {
        return console.isTerminal() ? new ProgressBarDisplay(console, epochs) : new ProgressLines(console, epochs);
    }

    @Override
    public final void step(int epoch, int step, int steps, float loss, double imagesPerSecond) {
        stepsShown++;
        long stepsLeft = (long) (epochs - epoch) * steps + (steps - step);
        double nanosPerStep = (System.nanoTime() - startNanos) / (double) stepsShown;
        show(new Position(epoch, epochs, step, steps, loss, imagesPerSecond,
                Duration.ofNanos(Math.round(nanosPerStep * stepsLeft))));
    }

    /** After a step. */
    abstract void show(Position position);

    /** Writes a line that stays. */
    abstract void line(String text);

    @Override
    public final void epoch(EpochMetrics metrics) {
        StringBuilder text = new StringBuilder(String.format(Locale.ROOT,
                "epoch %d/%d: training loss %.4f, accuracy %.2f %%", metrics.epoch(), epochs,
                metrics.trainingLoss(), 100 * metrics.trainingAccuracy()));
        if (!Double.isNaN(metrics.validationLoss())) {
            text.append(String.format(Locale.ROOT, "; validation loss %.4f, accuracy %.2f %%",
                    metrics.validationLoss(), 100 * metrics.validationAccuracy()));
        }
        line(text.append(String.format(Locale.ROOT, "; %.0f images/s", metrics.imagesPerSecond())).toString());
    }

    @Override
    public abstract void close();
}
