// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.UnwritableFileException;
import dev.vitesse.train.NonFiniteLossException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystemException;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * Turns whatever a command throws into one line and an exit code.
 *
 * @param debug whether the stack trace follows
 */
record ErrorReport(Console console, boolean debug) {

    int report(Throwable error) {
        console.error(message(error));
        if (debug) {
            error.printStackTrace(console.err());
        }
        return exitCode(error);
    }

    private static int exitCode(Throwable error) {
        return switch (error) {
            case CommandException e -> e.exitCode();
            case ParameterException e -> ExitCodes.USAGE;
            case DeviceException e -> ExitCodes.DEVICE;
            case OutOfMemoryError e -> ExitCodes.DEVICE;
            case UnwritableFileException e -> ExitCodes.CANNOT_WRITE;
            case UncheckedIOException e -> exitCode(e.getCause());
            case IOException e -> ExitCodes.BAD_INPUT;
            default -> ExitCodes.FAILED;
        };
    }

    private static String message(Throwable error) {
        return switch (error) {
            case ParameterException e -> usageMessage(e);
            case OutOfMemoryError e -> "out of memory (" + e.getMessage() + "), the limit is "
                    + Runtime.getRuntime().maxMemory() / (1 << 20)
                    + " MiB; use a smaller batch, or raise it with VITESSE_JAVA_OPTS=-Xmx8g";
            case UncheckedIOException e -> message(e.getCause());
            case FileSystemException e -> e.getFile() + ": " + reason(e) + "; check the path and its permissions";
            case CommandException e -> text(e);
            case DeviceException e -> text(e);
            case InvalidFileException e -> text(e);
            case UnwritableFileException e -> text(e);
            case NonFiniteLossException e -> text(e);
            case IOException e -> text(e);
            default -> "internal error: " + error + "; please report it with the output of --debug";
        };
    }

    private static String text(Throwable error) {
        return error.getMessage() == null ? error.toString() : error.getMessage();
    }

    /** Java's own subclasses carry no reason; their names say it: NoSuchFile, AccessDenied. */
    private static String reason(FileSystemException e) {
        if (e.getReason() != null) {
            return e.getReason();
        }
        String name = e.getClass().getSimpleName().replace("Exception", "");
        return name.replaceAll("(?<=.)([A-Z])", " $1").toLowerCase(Locale.ROOT);
    }

    private static String usageMessage(ParameterException e) {
        String command = e.getCommandLine().getCommandSpec().qualifiedName();
        String help = "; see '" + command + " --help'";
        if (!(e instanceof UnmatchedArgumentException unmatched)) {
            return decapitalized(text(e)) + help;
        }
        String argument = unmatched.getUnmatched().getFirst();
        boolean namesCommand = !argument.startsWith("-") && !e.getCommandLine().getSubcommands().isEmpty();
        String kind = argument.startsWith("-") ? "option" : namesCommand ? "command" : "argument";
        List<String> suggestions = unmatched.getSuggestions();
        return "unknown " + kind + " '" + argument + "' of " + command
                + (suggestions.isEmpty() ? "" : ", did you mean " + suggestions.getFirst() + "?") + help;
    }

    private static String decapitalized(String text) {
        return text.isEmpty() ? text : text.substring(0, 1).toLowerCase(Locale.ROOT) + text.substring(1);
    }
}
