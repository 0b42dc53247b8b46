// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Option;

/** What every command has: its console and {@code --json}. */
abstract class CliCommand implements Callable<Integer> {
    final Console console;

    @Option(names = "--json", description = "Print the result as one JSON object on stdout.")
    private boolean json;

    CliCommand(Console console) {
        this.console = console;
    }

    /** Whether the result is to be printed as JSON; what else a command says goes to stderr then. */
    final boolean json() {
        return json;
    }

    /** Prints the result: {@code result} with {@code --json}, else {@code text}. */
    final void print(ObjectNode result, Runnable text) {
        if (json) {
            console.print(result);
        } else {
            text.run();
        }
    }
}
