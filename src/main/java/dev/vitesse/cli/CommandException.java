// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

/** Ends a command with an exit code and one line: what is wrong, where; what to do. */
final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;

    CommandException(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    /** An option's value that cannot be used. */
    static CommandException usage(String message) {
        return new CommandException(ExitCodes.USAGE, message);
    }

    int exitCode() {
        return exitCode;
    }
}
