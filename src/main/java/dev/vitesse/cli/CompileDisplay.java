// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.CompileListener;
import java.util.concurrent.TimeUnit;

/** Shows how far compilation is: a line that is redrawn on a terminal and goes away, a line every ten seconds elsewhere. */
final class CompileDisplay implements CompileListener {
    private static final long LINE_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final Console console;
    private long shown = System.nanoTime();

    CompileDisplay(Console console) {
        this.console = console;
    }

    @Override
    public void compiling(String program, int done, int count, String kernel) {
        synchronized (console) {
            if (console.isTerminal()) {
                String line = kernel.isEmpty() ? "" : line(program, done, count, kernel);
                console.err().print(CLEAR_LINE + line.substring(0, Math.min(line.length(), console.terminalWidth() - 1)));
                console.err().flush();
            } else if (done == 0) {
                shown = System.nanoTime(); // that it begins has been said
            } else if (!kernel.isEmpty() && System.nanoTime() - shown >= LINE_NANOS) {
                shown = System.nanoTime();
                console.message(line(program, done, count, kernel));
            }
        }
    }

    private static String line(String program, int done, int count, String kernel) {
        return "compiling " + program + ": kernel " + (done + 1) + " of " + count + " (" + kernel + ")";
    }
}
