// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Progress for log files: a line every ten seconds, and one per epoch. */
final class ProgressLines extends ProgressDisplay {
    private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(10);

    private long lastNanos = System.nanoTime();

    ProgressLines(Console console, int epochs) {
        super(console, epochs);
    }

    @Override
    void show(Position position) {
        long now = System.nanoTime();
        if (now - lastNanos >= INTERVAL_NANOS) {
            lastNanos = now;
            console.message(String.format(Locale.ROOT, "epoch %d/%d, step %d/%d: loss %.4f, %.0f images/s, %s",
                    position.epoch(), position.epochs(), position.step(), position.steps(), position.loss(),
                    position.imagesPerSecond(), position.timeLeft()));
        }
    }

    @Override
    void line(String text) {
        console.message(text);
    }

    @Override
    public void close() {}
}
