// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.benchmarks.Session;
import java.util.Locale;

/** How far a benchmark is: one line that changes on a terminal, a line for each workload elsewhere. */
final class BenchProgress implements Session.Progress, AutoCloseable {
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final Console console;

    BenchProgress(Console console) {
        this.console = console;
    }

    @Override
    public void workload(int number, int of, String title, double secondsLeft) {
        long seconds = Math.max(0, Math.round(secondsLeft));
        show(String.format(Locale.ROOT, "%d/%d, about %d:%02d left: %s", number, of, seconds / 60, seconds % 60, title));
    }

    @Override
    public void failed(String title, String contender, String reason) {
        close();
        console.warning(title + " failed on " + contender + ": " + reason);
    }

    @Override
    public void note(String text) {
        show(text);
    }

    private void show(String text) {
        if (!console.isTerminal()) {
            console.message(text);
            return;
        }
        int width = Math.max(1, console.terminalWidth() - 1);
        console.err().print(CLEAR_LINE + text.substring(0, Math.min(width, text.length())));
        console.err().flush();
    }

    /** Leaves the line empty. */
    @Override
    public void close() {
        if (console.isTerminal()) {
            console.err().print(CLEAR_LINE);
            console.err().flush();
        }
    }
}
