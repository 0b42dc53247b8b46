// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * Where a command writes: results to {@code out}, everything else to {@code err}.
 *
 * @param terminalWidth columns of the terminal behind {@code err}, 0 if there is none
 */
record Console(PrintStream out, PrintStream err, int terminalWidth) {
    private static final int USUAL_WIDTH = 80;

    /** This process's streams; the launcher tells whether stderr is a terminal, which Java cannot find out. */
    static Console ofProcess() {
        String width = System.getProperty("vitesse.terminal.width");
        return new Console(System.out, System.err, width == null ? 0 : parseWidth(width));
    }

    private static int parseWidth(String text) {
        try {
            int width = Integer.parseInt(text.strip());
            return width > 0 ? width : USUAL_WIDTH;
        } catch (NumberFormatException e) {
            return USUAL_WIDTH;
        }
    }

    boolean isTerminal() {
        return terminalWidth > 0;
    }

    /** A line about what is going on; {@code text} may quote file names or drivers and is kept on one line. */
    void message(String text) {
        err.println("vitesse: " + text.strip().replaceAll("\\s*\\R\\s*", " "));
    }

    void warning(String text) {
        message("warning: " + text);
    }

    void error(String text) {
        message("error: " + text);
    }

    /** A new result for {@code --json}. */
    static ObjectNode result() {
        return JsonNodeFactory.instance.objectNode().put("schema_version", 1);
    }

    /** {@code value} for a result; JSON has no NaN and no infinity. */
    static @Nullable Double number(double value) {
        return Double.isFinite(value) ? value : null;
    }

    /** Prints a result, in one line. */
    void print(ObjectNode result) {
        try {
            out.println(new ObjectMapper().writeValueAsString(result));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }
}
