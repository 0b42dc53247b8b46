// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import dev.vitesse.benchmarks.BenchmarkRun;
import dev.vitesse.benchmarks.Changes;
import dev.vitesse.benchmarks.DeviceFigures;
import dev.vitesse.benchmarks.Report;
import dev.vitesse.benchmarks.ReportFiles;
import dev.vitesse.benchmarks.Settings;
import dev.vitesse.benchmarks.TextReport;
import dev.vitesse.io.AtomicFiles;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vitesse bench}: what a device gives on a model. */
@Command(name = "bench", description = {
    "Measures devices against each other, and against PyTorch, on a model's kernels, inference and training.",
    "Every contender computes in a process of its own; they take turns, and each result is compared with the reference's."
            + " What is wrong or fails has no time."
})
final class BenchCommand extends CliCommand {
    private static final double QUICK_MINUTES = 2;
    private static final double USUAL_MINUTES = 15;
    private static final int USUAL_FORKS = 2;
    private static final int USUAL_ROUNDS = 7;
    private static final String REFERENCE = "reference";

    @Option(names = "--device", split = ",", paramLabel = "DEVICE",
            description = "What to measure: cpu, opencl, opencl:1, tornado ... Default: every usable device.")
    private List<String> devices = List.of();

    @Option(names = "--preset", split = ",", paramLabel = "NAME", defaultValue = "ti/16",
            description = "Models: ti/16, s/16, b/16, l/16, h/14, mnist, lightvit. Default: ${DEFAULT-VALUE}.")
    private List<String> presets = List.of();

    @Option(names = "--batch", split = ",", paramLabel = "B", defaultValue = "1,8",
            description = "Batch sizes of inference; kernels have the largest up to 8. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches = List.of();

    @Option(names = "--yardstick", description = "Instead of presets: the layers, models and training steps that README"
            + " compares with PyTorch. Without --device, on cpu; without --peers, with torch.")
    private boolean yardstick;

    @Option(names = "--only", split = ",", paramLabel = "TEXT",
            description = "Only workloads whose names contain this: kernel, inference, training, attention, b=8 ...")
    private List<String> only = List.of();

    @Option(names = "--cold-start", description = "Only what each device needs from the start of a process to the first answer"
            + " of each preset: once, with what drivers have kept, then the median of three.")
    private boolean coldStart;

    @Option(names = "--list", description = "Print the workloads' names and measure nothing.")
    private boolean list;

    @Option(names = "--peers", split = ",", paramLabel = "NAME",
            description = "Other libraries to compare with: torch (PyTorch for Python), djl (PyTorch through DJL), onnx"
                    + " (ONNX Runtime); the last two, inference only, are fetched and built when first asked for.")
    private List<String> peers = List.of();

    @Option(names = "--python", paramLabel = "FILE", defaultValue = "python3",
            description = "The Python that has PyTorch. Default: ${DEFAULT-VALUE}.")
    private String python = "python3";

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0",
            description = "Threads on the CPU, peers' too. Default: one per processor.")
    private int threads;

    @Option(names = "--quick", description = "A first impression in two minutes: main kernels, one process each.")
    private boolean quick;

    @Option(names = "--minutes", paramLabel = "N", description = "About how long to measure. Default: 15, or 2 if quick.")
    private @Nullable Double minutes;

    @Option(names = "--rounds", paramLabel = "N", description = "Turns of each process. Default: 7, or 6 if quick.")
    private @Nullable Integer rounds;

    @Option(names = "--forks", paramLabel = "N",
            description = "Processes of each contender for each workload. Default: 2, or 1 if quick.")
    private @Nullable Integer forks;

    @Option(names = "--out", paramLabel = "DIR", description = "Where benchmark.json, .csv, .md and .html and JMH's own"
            + " jmh.json go, in place of an earlier run's. Default: runs/bench-DATE.")
    private @Nullable Path out;

    @Option(names = "--compare", paramLabel = "OLD.json",
            description = "Say what changed significantly since this report; exit code 1 on a regression.")
    private @Nullable Path compare;

    @Option(names = "--regression", paramLabel = "PERCENT", defaultValue = "5",
            description = "The loss of speed from which on a significant change is a regression."
                    + " Default: ${DEFAULT-VALUE}.")
    private double regression;

    @Option(names = "--read", paramLabel = "FILE",
            description = "Measure nothing: show this earlier report, and compare it.")
    private @Nullable Path read;

    BenchCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (!(regression >= 0 && regression < 100)) {
            throw CommandException.usage("--regression is " + regression + "; it must be at least 0 and below 100");
        }
        // Before minutes are spent.
        Report old = compare == null ? null : ReportFiles.read(compare);
        if (read != null) {
            Report report = ReportFiles.read(read);
            return conclude(report, old, ReportFiles.write(out, report));
        }
        BenchmarkRun run = prepare();
        if (list) {
            run.workloads().forEach(console.out()::println);
            return ExitCodes.OK;
        }
        if (coldStart) {
            return coldStarts(run);
        }
        Path folder = out != null ? out : Path.of("runs",
                "bench-" + DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").format(LocalDateTime.now()));
        AtomicFiles.createFolders(folder);
        // So that a folder which cannot be written to costs nothing.
        AtomicFiles.write(folder.resolve(ReportFiles.JMH), "[]\n");
        try (BenchProgress progress = new BenchProgress(console);
                StopOnSignal signal = new StopOnSignal(run::stop)) {
            Report report = run.run(commandLine(), progress);
            progress.close();
            run.writeJmhResults(folder.resolve(ReportFiles.JMH));
            return conclude(report, old, ReportFiles.write(folder, report));
        }
    }

    private int coldStarts(BenchmarkRun run) {
        ObjectNode result = Console.result();
        boolean failed = false;
        for (String preset : presets) {
            for (String device : run.devices()) {
                List<DeviceFigures> starts = run.coldStarts(device, preset);
                DeviceFigures figures = starts.getLast();
                failed |= figures.coldStartSeconds() == null;
                result.withArray("cold_starts").addObject().put("preset", preset).put("device", run.description(device))
                        .put("first_seconds", starts.getFirst().coldStartSeconds())
                        .put("seconds", figures.coldStartSeconds())
                        .put("open_seconds", figures.openSeconds())
                        .put("compile_seconds", figures.compileSeconds());
            }
        }
        print(result, () -> result.path("cold_starts").forEach(start -> console.out().println(coldStart(start))));
        return failed ? ExitCodes.FAILED : ExitCodes.OK;
    }

    private static String coldStart(JsonNode start) {
        String what = start.path("preset").asText() + " on " + start.path("device").asText() + ": ";
        return !start.hasNonNull("seconds") ? what + "no answer" : what + String.format(Locale.ROOT,
                "%.1f s to the first answer, then %.1f s; of that %.1f s opening, %.1f s compiling and uploading",
                start.path("first_seconds").asDouble(Double.NaN), start.path("seconds").asDouble(), start.path("open_seconds").asDouble(Double.NaN),
                start.path("compile_seconds").asDouble(Double.NaN));
    }

    private BenchmarkRun prepare() {
        int processors = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        try {
            return new BenchmarkRun(new Settings(
                    devices(), devices.isEmpty() && !yardstick, presets, batches, yardstick, only,
                    yardstick && peers.isEmpty() ? List.of("torch") : peers, python, processors, quick,
                    minutes != null ? minutes : quick ? QUICK_MINUTES : USUAL_MINUTES,
                    forks != null ? forks : quick ? 1 : USUAL_FORKS,
                    rounds != null ? rounds : quick ? Settings.FEWEST_ROUNDS : USUAL_ROUNDS,
                    Path.of(System.getProperty("vitesse.home", ".")), flags()));
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        }
    }

    private List<String> devices() {
        if (!devices.isEmpty() || yardstick) {
            return devices.isEmpty() ? List.of("cpu") : devices;
        }
        List<String> found = new ArrayList<>(List.of("cpu"));
        for (DeviceInfo device : Backends.devices()) {
            if (device.usable() && !device.id().startsWith(REFERENCE) && !found.contains(device.id())) {
                found.add(device.id());
            } else if (!device.usable()) {
                console.message("not measured: " + device.id() + " (" + device.problem() + ")");
            }
        }
        return found;
    }

    /** This JVM's flags; the launcher has put TornadoVM's between two properties. */
    private static Settings.JvmFlags flags() {
        List<String> plain = new ArrayList<>();
        List<String> all = new ArrayList<>();
        boolean tornado = false;
        for (String flag : ManagementFactory.getRuntimeMXBean().getInputArguments()) {
            if (flag.equals("-Dvitesse.flags=tornado") || flag.equals("-Dvitesse.flags=all")) {
                tornado = flag.endsWith("tornado");
            } else if (!flag.startsWith("-Dvitesse.")) {
                all.add(flag);
                if (!tornado) {
                    plain.add(flag);
                }
            }
        }
        return new Settings.JvmFlags(List.copyOf(plain), List.copyOf(all));
    }

    private String commandLine() {
        return "scripts/benchmark " + System.getProperty("vitesse.arguments", "");
    }

    private int conclude(Report report, @Nullable Report old, List<Path> files) {
        Changes changes = old == null ? null : Changes.between(old, report, regression / 100);
        ObjectNode result = Console.result().put("failures", report.failures()).put("interrupted", report.interrupted());
        files.forEach(file -> result.withArray("files").add(file.toString()));
        if (changes != null) {
            result.put("regressions", changes.regressionCount());
        }
        print(result, () -> {
            console.out().print(TextReport.of(report));
            if (changes != null) {
                console.out().print("\n" + changes.text());
            }
        });
        files.forEach(file -> console.message("wrote " + file));
        if (report.failures() > 0) {
            console.error(report.failures() + " measurements failed; the table says why");
        }
        boolean regressions = changes != null && changes.regressionCount() > 0;
        if (regressions) {
            console.error(changes.regressionCount() + " regressions beyond " + regression + " % since " + compare);
        }
        return regressions || report.failures() > 0 ? ExitCodes.FAILED : ExitCodes.OK;
    }
}
