// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/** Shows how many of a known number of things are done: a line that is redrawn on a terminal, lines elsewhere. */
final class CountProgress implements AutoCloseable {
    private static final long REDRAW_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long LINE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final Console console;
    private final String things;
    private final int total;
    private final long start = System.nanoTime();
    private long shown = start;
    private int done;

    /** @param things what is counted, in the plural */
    CountProgress(Console console, String things, int total) {
        this.console = console;
        this.things = things;
        this.total = total;
    }

    /** Counts {@code count} more. */
    void advance(int count) {
        done += count;
        long now = System.nanoTime();
        if (total > 1 && done < total && now - shown >= (console.isTerminal() ? REDRAW_NANOS : LINE_NANOS)) {
            shown = now;
            show(line(now));
        }
    }

    private String line(long now) {
        double perSecond = perSecond(now);
        Duration left = Duration.ofSeconds(Math.round((total - done) / perSecond));
        return String.format(Locale.ROOT, "%d of %d %s, %.1f %s/s, %d:%02d left", done, total, things, perSecond,
                things, left.toMinutes(), left.toSecondsPart());
    }

    private void show(String line) {
        if (console.isTerminal()) {
            console.err().print(CLEAR_LINE + line.substring(0, Math.min(line.length(), console.terminalWidth() - 1)));
            console.err().flush();
        } else {
            console.message(line);
        }
    }

    /** Takes the line away, so that something else can be printed; the next {@link #advance} draws it again. */
    void clear() {
        if (console.isTerminal() && shown != start) {
            console.err().print(CLEAR_LINE);
            console.err().flush();
        }
    }

    /** How many were done per second since the start. */
    double perSecond() {
        return perSecond(System.nanoTime());
    }

    private double perSecond(long now) {
        return done * 1e9 / Math.max(1, now - start);
    }

    @Override
    public void close() {
        clear();
    }
}
