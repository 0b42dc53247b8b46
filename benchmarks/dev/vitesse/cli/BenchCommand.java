// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.benchmarks.BenchmarkRun;
import dev.vitesse.benchmarks.Measurement;
import dev.vitesse.benchmarks.Session;
import dev.vitesse.benchmarks.Settings;
import dev.vitesse.benchmarks.TextReport;
import java.lang.management.ManagementFactory;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vitesse bench}: what a device gives on a model. */
@Command(name = "bench", description = {
    "Measures devices against each other, and against PyTorch, on a model's kernels, inference and training.",
    "Every contender computes in a process of its own; they take turns, and each result is compared with the reference's."
})
final class BenchCommand extends CliCommand {
    private static final double QUICK_MINUTES = 2;
    private static final double USUAL_MINUTES = 15;

    @Option(names = "--device", split = ",", paramLabel = "DEVICE",
            description = "What to measure: cpu, opencl, opencl:1, tornado ... Default: every usable device.")
    private List<String> devices = List.of("cpu");

    @Option(names = "--preset", split = ",", paramLabel = "NAME", defaultValue = "ti/16",
            description = "Models: ti/16, s/16, b/16, l/16, h/14, mnist, lightvit. Default: ${DEFAULT-VALUE}.")
    private List<String> presets = List.of();

    @Option(names = "--batch", split = ",", paramLabel = "B", defaultValue = "1,8",
            description = "Batch sizes of inference; kernels have the largest. Default: ${DEFAULT-VALUE}.")
    private List<Integer> batches = List.of();

    @Option(names = "--yardstick",
            description = "Instead of a preset: the layers, models and training steps that README compares with PyTorch.")
    private boolean yardstick;

    @Option(names = "--only", split = ",", paramLabel = "TEXT",
            description = "Only workloads whose names contain this: kernel, inference, training, attention, b=8 ...")
    private List<String> only = List.of();

    @Option(names = "--peers", split = ",", paramLabel = "NAME",
            description = "Other libraries to compare with: torch.")
    private List<String> peers = List.of();

    @Option(names = "--python", paramLabel = "FILE", defaultValue = "python3",
            description = "The Python that has PyTorch. Default: ${DEFAULT-VALUE}.")
    private String python = "python3";

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0",
            description = "Threads on the CPU, peers' too. Default: one per processor.")
    private int threads;

    @Option(names = "--quick", description = "A first impression in two minutes: main kernels, few rounds.")
    private boolean quick;

    @Option(names = "--minutes", paramLabel = "N", description = "About how long to measure. Default: 15, or 2 if quick.")
    private Double minutes;

    @Option(names = "--rounds", paramLabel = "N", description = "Rounds of each process. Default: 7, or 6 if quick.")
    private Integer rounds;

    @Option(names = "--forks", paramLabel = "N",
            description = "Processes of each contender for each workload. Default: 2, or 1 if quick.")
    private Integer forks;

    BenchCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        List<String> flags = ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(flag -> !flag.startsWith("-Dvitesse."))
                .toList();
        Settings settings = new Settings(devices, presets, batches, yardstick, only, peers, python,
                threads == 0 ? Runtime.getRuntime().availableProcessors() : threads, quick,
                minutes != null ? minutes : quick ? QUICK_MINUTES : USUAL_MINUTES,
                forks != null ? forks : quick ? 1 : 2, rounds != null ? rounds : quick ? 6 : 7, flags);
        BenchmarkRun run = new BenchmarkRun(settings);
        List<Measurement> measurements;
        try (StopOnSignal signal = new StopOnSignal(run::stop)) {
            measurements = run.run(new Lines());
            console.out().print(TextReport.table(measurements, peers.isEmpty() ? devices.getFirst() : peers.getFirst()));
        }
        boolean failed = measurements.stream().anyMatch(m -> m.status() == Measurement.Status.FAILED);
        return failed ? ExitCodes.FAILED : ExitCodes.OK;
    }

    /** Progress as lines. */
    private final class Lines implements Session.Progress {
        @Override
        public void workload(int number, int of, String title, double secondsLeft) {
            console.message(String.format(Locale.ROOT, "%d/%d %s, %d:%02d left", number, of, title,
                    (int) secondsLeft / 60, (int) secondsLeft % 60));
        }

        @Override
        public void measured(List<Measurement> of) {}

        @Override
        public void note(String text) {
            console.message(text);
        }
    }
}
