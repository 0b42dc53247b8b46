// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.opencl.Tuner;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vitesse tune}: the sizes of tiles and work-groups with which kernels are fastest on a device. */
@Command(name = "tune", description = {
    "Searches the tile and work-group sizes with which an OpenCL device is fastest, and keeps them for later runs.",
    "Every candidate's results are checked before it is timed. Takes minutes; let the machine do nothing else. After"
            + " Ctrl-C, what was found so far is kept."
})
final class TuneCommand extends CliCommand {
    private static final String OPENCL = "opencl";

    @Option(names = "--device", paramLabel = "DEVICE", defaultValue = OPENCL,
            description = "opencl, opencl:1 ...; 'vitesse devices' lists them. Default: ${DEFAULT-VALUE}.")
    private String device = OPENCL;

    @Option(names = "--out", paramLabel = "FILE",
            description = "Where to write. Default: vitesse/tuned/<device>.json in $$XDG_CONFIG_HOME or ~/.config, where"
                    + " every command looks for it.")
    private @Nullable Path out;

    TuneCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (!device.equals(OPENCL) && !device.startsWith(OPENCL + ":")) {
            throw CommandException.usage(
                    "--device is " + device + "; only OpenCL's kernels have sizes to tune: use opencl");
        }
        String selector = device.length() > OPENCL.length() ? device.substring(OPENCL.length() + 1) : "";
        Tuner.Target target = Tuner.target(selector);
        Path file = out == null ? target.file() : out;
        AtomicBoolean stop = new AtomicBoolean();
        List<Tuner.Found> found;
        try (StopOnSignal _ = new StopOnSignal(() -> stop.set(true))) {
            found = target.tune(file, new Progress(), stop::get);
            if (stop.get()) {
                console.message(found.isEmpty() ? "interrupted; nothing was found yet"
                        : "interrupted; what was found is in " + file);
                return ExitCodes.INTERRUPTED;
            }
        }
        print(toJson(target, file, found), () -> printTable(target, file, found));
        return ExitCodes.OK;
    }

    private static ObjectNode toJson(Tuner.Target target, Path file, List<Tuner.Found> found) {
        ObjectNode result = Console.result().put("device", target.name()).put("file", file.toString());
        ArrayNode families = result.putArray("families");
        for (Tuner.Found family : found) {
            ObjectNode node = families.addObject().put("family", family.family())
                    .put("milliseconds_before", family.millisecondsBefore())
                    .put("milliseconds", family.milliseconds());
            ObjectNode sizes = node.putObject("sizes");
            family.sizes().forEach(sizes::put);
        }
        return result;
    }

    private void printTable(Tuner.Target target, Path file, List<Tuner.Found> found) {
        for (Tuner.Found family : found) {
            console.out().printf(Locale.ROOT, "%-12s %9.3f ms before, %9.3f ms with %s%n", family.family(),
                    family.millisecondsBefore(), family.milliseconds(), text(family.sizes()));
        }
        console.out().println("sizes of " + target.name() + " written to " + file);
    }

    private static String text(Map<String, Integer> sizes) {
        return sizes.entrySet().stream().map(size -> size.getKey() + "=" + size.getValue())
                .collect(Collectors.joining(" "));
    }

    /** A line for each candidate that ran. */
    private final class Progress implements Tuner.Listener {
        private int candidates;

        @Override
        public void family(String family, double milliseconds) {
            candidates = 0;
            console.message(String.format(Locale.ROOT, "%s: %.3f ms with the sizes so far", family, milliseconds));
        }

        @Override
        public void candidate(String family, Map<String, Integer> sizes, double milliseconds, String problem) {
            candidates++;
            console.message(family + " " + candidates + ": " + text(sizes) + ": "
                    + (problem.isEmpty() ? String.format(Locale.ROOT, "%.3f ms", milliseconds) : problem));
        }
    }
}
