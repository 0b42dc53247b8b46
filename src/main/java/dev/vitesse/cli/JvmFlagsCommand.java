// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.management.ManagementFactory;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vitesse jvm-flags}: what another program that uses the library has to be started with. */
@Command(name = "jvm-flags", description = {
    "Prints the JVM's flags that this machine needs, TornadoVM's too where its SDK is: an argument file for programs that"
            + " use the library.",
    "For instance: vitesse jvm-flags > flags; java @flags -cp ... Main"
})
final class JvmFlagsCommand extends CliCommand {
    JvmFlagsCommand(Console console) {
        super(console);
    }

    /** The launcher alone knows them, and it has started this JVM with them. */
    @Override
    public Integer call() {
        List<String> flags = ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> !flag.startsWith("-Dvitesse."))
                .toList();
        ObjectNode result = Console.result().put("java_home", System.getProperty("java.home"));
        ArrayNode array = result.putArray("flags");
        flags.forEach(array::add);
        print(result, () -> flags.forEach(flag -> console.out().println(quoted(flag))));
        return ExitCodes.OK;
    }

    /** As argument files want it. */
    static String quoted(String flag) {
        boolean plain = flag.chars().noneMatch(c -> Character.isWhitespace(c) || c == '"' || c == '\'' || c == '#');
        return plain ? flag : '"' + flag.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
