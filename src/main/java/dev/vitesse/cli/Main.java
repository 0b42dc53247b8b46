// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.cpu.CpuBackendProvider;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The command line's entry: {@code vitesse COMMAND ...}. */
@Command(
        name = "vitesse",
        description = "Trains and runs Vision Transformers.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        sortOptions = false,
        addMethodSubcommands = false,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "COMMAND",
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "  0:done",
            "  1:the job failed: the loss became infinite, a tensor is out of tolerance, some images were bad,"
                    + " a benchmark failed or became slower",
            "  2:wrong use: an unknown command or option, a value out of range",
            "  3:an input file is missing, malformed or does not fit",
            "  4:the device is unknown, unavailable, out of memory or failed",
            "  5:the output exists already or cannot be written",
            "  6:cannot start: no suitable JDK, no Maven, or the build failed",
            "130:interrupted (Ctrl-C); training has saved its checkpoint"
        })
public final class Main implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Print stack traces of errors.")
    private boolean debug;

    private Main() {}

    public static void main(String[] args) {
        // Set by the launcher for commands that compute a few images on the CPU.
        if (Boolean.getBoolean("vitesse.rehearse")) {
            CpuBackendProvider.rehearse();
        }
        System.exit(run(Console.ofProcess(), args));
    }

    /** Runs one command; returns its exit code. */
    static int run(Console console, String... args) {
        ErrorReport errors = new ErrorReport(console, List.of(args).contains("--debug"));
        try {
            return commandLine(console, errors, args).execute(args);
        } catch (Error e) {
            return errors.report(e);
        } finally {
            console.out().flush();
            console.err().flush();
        }
    }

    /** The command line as {@code args} need it: a command that is named first is the only one to be read. */
    private static CommandLine commandLine(Console console, ErrorReport errors, String... args) {
        Map<String, Function<Console, CliCommand>> commands = commands();
        if (args.length > 0 && commands.containsKey(args[0])) {
            // Reading the annotations of all of them takes 0.1 s and more.
            commands.keySet().retainAll(List.of(args[0]));
        }
        CommandLine line = new CommandLine(new Main());
        commands.forEach((name, create) -> line.addSubcommand(create.apply(console)));
        return line.setOut(new PrintWriter(console.out(), true))
                .setErr(new PrintWriter(console.err(), true))
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExpandAtFiles(false)
                .setParameterExceptionHandler((e, given) -> errors.report(e))
                .setExecutionExceptionHandler((e, commandLine, result) -> errors.report(e));
    }

    /** The commands by name, in the order in which {@code --help} lists them. */
    private static Map<String, Function<Console, CliCommand>> commands() {
        Map<String, Function<Console, CliCommand>> commands = new LinkedHashMap<>();
        commands.put("train", TrainCommand::new);
        commands.put("classify", ClassifyCommand::new);
        commands.put("evaluate", EvaluateCommand::new);
        commands.put("features", FeaturesCommand::new);
        commands.put("attention", AttentionCommand::new);
        commands.put("verify", VerifyCommand::new);
        commands.put("bench", BenchCommand::new);
        commands.put("inspect", InspectCommand::new);
        commands.put("export", ExportCommand::new);
        commands.put("devices", DevicesCommand::new);
        commands.put("tune", TuneCommand::new);
        commands.put("kernels", KernelsCommand::new);
        commands.put("jvm-flags", JvmFlagsCommand::new);
        return commands;
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "no command");
    }

    /** The version that the build wrote into the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {
                "vitesse " + (version == null ? "(not packaged)" : version) + ", Java " + Runtime.version()
            };
        }
    }
}
