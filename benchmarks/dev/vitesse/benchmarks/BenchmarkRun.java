// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;

/** A run of the benchmarks: chooses workloads and contenders, measures, and puts the results together. */
public final class BenchmarkRun {
    /** Turns before those that count, after {@link WarmUp}. */
    private static final int WARMUPS = 1;
    private static final double LONGEST_WARM_UP = 10;
    private static final double QUICK_LONGEST_WARM_UP = 3;
    private static final int COLD_STARTS = 3;
    /** Of all time, at most, for the starts of a device that was not asked for. */
    private static final double SHARE_FOR_STARTING = 0.25;
    private static final String TORCH = "torch";
    /** Peers in Java, and a class of each. */
    private static final Map<String, String> JVM_PEERS = Map.of("djl", "ai.djl.engine.Engine",
            "onnx", "ai.onnxruntime.OrtEnvironment");

    private final Settings settings;
    private final List<Workload> workloads;
    /** Names of those {@link KeyFigures} that are wanted. */
    private final List<String> keyFigures;
    /** Those asked for, or none where nothing is measured that they take part in. */
    private final List<String> peers;
    private final List<RunResult> jmhResults = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, String> descriptions = new LinkedHashMap<>();
    private volatile @Nullable Session session;
    private volatile boolean stopped;

    /**
     * Checks what was asked for; opens every device once.
     *
     * @throws IllegalArgumentException if a preset or peer is unknown or cannot be used, or no workload has a name that
     *     was asked for
     * @throws dev.vitesse.backend.DeviceException if a device is unknown or cannot run, or lacks memory for a workload
     */
    public BenchmarkRun(Settings settings) {
        this.settings = settings;
        workloads = select(settings);
        keyFigures = keyFigures(settings).stream().filter(name -> isWanted(name, settings.only())).toList();
        peers = workloads.isEmpty() ? List.of() : settings.peers();
        peers.forEach(this::checkPeer);
        for (String device : settings.devices()) {
            try (Backend backend = Backends.open(device, BackendOptions.DEFAULTS.withThreads(settings.threads()))) {
                descriptions.put(device, backend.name());
                MemoryCheck.check(workloads, device, backend);
            }
        }
    }

    private static List<Workload> select(Settings settings) {
        List<Workload> listed = new ArrayList<>();
        if (settings.yardstick()) {
            listed.addAll(Suites.yardstick());
        } else {
            settings.presets().forEach(VitConfig::preset); // all of them, before any is spent time on
            settings.presets().forEach(p -> listed.addAll(Suites.preset(p, settings.batches(), settings.quick())));
        }
        Map<String, Workload> all = new LinkedHashMap<>();
        listed.forEach(workload -> all.putIfAbsent(workload.id(), workload));
        for (String part : settings.only()) {
            if (Stream.concat(all.keySet().stream(), keyFigures(settings).stream())
                    .noneMatch(name -> isWanted(name, List.of(part)))) {
                throw new IllegalArgumentException("no workload's name contains '" + part
                        + "': there are kernel, inference, training and the operations "
                        + String.join(", ", all.values().stream().map(Workload::op).distinct().toList()));
            }
        }
        boolean layers = settings.yardstick() && isWanted(KeyFigures.LAYERS, settings.only());
        return all.values().stream().filter(workload -> isWanted(workload.id(), settings.only())
                || layers && Suites.isYardstickLayer(workload)).toList();
    }

    /** The names of all that such a run can have. */
    private static List<String> keyFigures(Settings settings) {
        List<String> names = new ArrayList<>();
        if (settings.yardstick()) {
            names.add(KeyFigures.LAYERS);
            if (settings.devices().contains("cpu")) {
                names.addAll(KeyFigures.ofProcesses());
            }
        }
        return names;
    }

    private static boolean isWanted(String name, List<String> only) {
        String id = name.toLowerCase(Locale.ROOT);
        return only.isEmpty() || only.stream().anyMatch(part -> id.contains(part.toLowerCase(Locale.ROOT)));
    }

    private void checkPeer(String name) {
        if (JVM_PEERS.containsKey(name)) {
            if (getClass().getResource("/" + JVM_PEERS.get(name).replace('.', '/') + ".class") == null) {
                throw new IllegalArgumentException("peer " + name
                        + " is not built: start scripts/benchmark, or build with mvn -Ppeers package");
            }
            return;
        }
        if (!name.equals(TORCH)) {
            throw new IllegalArgumentException("unknown peer '" + name + "': use torch, djl or onnx");
        }
        String problem;
        try {
            Process process =
                    new ProcessBuilder(settings.python(), "-c", "import torch").redirectErrorStream(true).start();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            problem = process.waitFor() == 0 ? "" : output.lines().reduce((first, last) -> last).orElse("");
        } catch (IOException e) {
            problem = e.getMessage();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            problem = "interrupted";
        }
        if (!problem.isEmpty()) {
            throw new IllegalArgumentException("peer torch does not start with " + settings.python() + " (" + problem
                    + "): install PyTorch for it, or name another interpreter with --python");
        }
    }

    /** Names of what will be measured. */
    public List<String> workloads() {
        return Stream.concat(workloads.stream().map(Workload::id), keyFigures.stream()).toList();
    }

    /**
     * Measures. After {@link #stop} the report holds what was measured by then.
     *
     * @param command as the report shows it
     */
    public Report run(String command, Session.Progress progress) {
        long start = System.nanoTime();
        Environment environment = Environment.here(settings.flags().plain());
        List<Contender> contenders = contenders();
        String preset = workloads.isEmpty() ? "" : workloads.getFirst().preset();
        Map<String, DeviceFigures> figures = new LinkedHashMap<>();
        for (String device : settings.devices()) {
            if (!stopped && !workloads.isEmpty()) {
                progress.note("cold start and peaks of " + device);
                figures.put(device, figures(device, preset, settings.quick() ? 1 : COLD_STARTS));
            }
        }
        contenders.removeIf(contender -> startsTooSlowly(contender, figures, progress));
        for (Contender contender : contenders) {
            if (!stopped && !workloads.isEmpty() && !contender.isPeer() && figures.get(contender.name()).copies().isEmpty()) {
                progress.note("the peaks of " + contender.name() + " could not be measured: there will be no shares of them");
            }
        }
        // The peaks are measured twice, unless the run is quick.
        double left = settings.minutes() * 60 - (settings.quick() ? 1 : 2) * (System.nanoTime() - start) / 1e9;
        // The session makes the turns fit its time.
        Pace pace = new Pace(settings.quick() ? QUICK_LONGEST_WARM_UP : LONGEST_WARM_UP, WARMUPS, settings.rounds(), 0, 0);
        // Contenders of one session start JMH side by side.
        System.setProperty("jmh.ignoreLock", "true");
        Session measuring = new Session(workloads, contenders, new Session.Plan(left, settings.forks(), pace), progress);
        session = measuring;
        if (stopped) {
            measuring.stop();
        }
        List<Measurement> measurements = measuring.run();
        if (!stopped && !settings.quick()) {
            // Once more, so that a machine which was busy in the beginning does not look small.
            figures.replaceAll((device, first) -> first.withPeaksOf(figures(device, preset, 1)));
        }
        List<Report.ContenderInfo> infos = contenders.stream().map(contender -> info(contender, measuring,
                figures.getOrDefault(contender.name(), DeviceFigures.NONE))).toList();
        List<KeyFigure> ofProcesses =
                KeyFigures.measure(keyFigures, settings, name -> progress.note("measuring: " + name), () -> stopped);
        String baseline = peers.isEmpty() ? settings.devices().getFirst() : peers.getFirst();
        Report report = new Report(Report.SCHEMA_VERSION, Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(), command,
                stopped, "float32", baseline, environment, infos, measurements, ofProcesses);
        return report.with(KeyFigures.means(report));
    }

    /**
     * Seconds that the cold start of {@code device} may take: one that nobody asked for must not spend the time on
     * starting.
     */
    private double longestStart(String device) {
        return !settings.found() || device.equals(settings.devices().getFirst())
                ? Double.POSITIVE_INFINITY : settings.minutes() * 60 * SHARE_FOR_STARTING / workloads.size();
    }

    /**
     * What a device needs from the start of a process to its first answer: first once, with what drivers happened to have
     * compiled and kept before, then the median of some more starts.
     *
     * @param device one of the settings'
     */
    public List<DeviceFigures> coldStarts(String device, String preset) {
        return IntStream.of(1, COLD_STARTS).mapToObj(starts -> DeviceFigures.measure(device, preset, settings.threads(),
                settings.flags().of(device), starts, false, Double.POSITIVE_INFINITY)).toList();
    }

    /** What is measured of the library. */
    public List<String> devices() {
        return settings.devices();
    }

    /** A device's name, as it tells it when it is open. */
    public String description(String device) {
        return descriptions.getOrDefault(device, device);
    }

    /** Whether a device that nobody asked for would spend the time on starting. */
    private boolean startsTooSlowly(
            Contender contender, Map<String, DeviceFigures> figures, Session.Progress progress) {
        Double start = figures.getOrDefault(contender.name(), DeviceFigures.NONE).coldStartSeconds();
        if (start == null || start <= longestStart(contender.name())) {
            return false;
        }
        progress.note(String.format(Locale.ROOT,
                "not measured: %s, whose start takes %.1f s, would not fit into %s minutes; name it with --device, or raise"
                        + " --minutes",
                contender.name(), start, Cells.number(settings.minutes())));
        return true;
    }

    private DeviceFigures figures(String device, String preset, int starts) {
        return DeviceFigures.measure(device, preset, settings.threads(), settings.flags().of(device), starts, true,
                longestStart(device));
    }

    private List<Contender> contenders() {
        List<Contender> contenders = new ArrayList<>();
        for (String device : settings.devices()) {
            contenders.add(new DeviceContender(
                    device, settings.threads(), settings.flags().of(device), jmhResults::addAll));
        }
        for (String peer : peers) {
            List<String> command = new ArrayList<>(JVM_PEERS.containsKey(peer) ? jvmPeer(peer) : pythonPeer(peer));
            command.addAll(List.of("--threads", String.valueOf(settings.threads())));
            contenders.add(new PeerContender(peer, command));
        }
        return contenders;
    }

    private List<String> jvmPeer(String name) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(settings.flags().plain());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.vitesse.benchmarks.JvmPeer", name));
        return command;
    }

    private List<String> pythonPeer(String name) {
        Path script = settings.home().resolve("benchmarks").resolve("peers").resolve(name + "_peer.py");
        return List.of(settings.python(), script.toString());
    }

    private Report.ContenderInfo info(Contender contender, Session measured, DeviceFigures figures) {
        String id = contender.name();
        Map<String, String> details = Backends.devices().stream()
                .filter(device -> device.usable() && (device.id().equals(id) || device.id().equals(id + ":0")))
                .findFirst().map(DeviceInfo::details).orElse(Map.of());
        String description = measured.description(contender, descriptions.getOrDefault(id, id));
        return new Report.ContenderInfo(id, description, contender.isPeer(), settings.threads(), details, figures);
    }

    /** Writes what JMH measured, in its own JSON format. */
    public void writeJmhResults(Path file) {
        ResultFormatFactory.getInstance(ResultFormatType.JSON, file.toString()).writeOut(jmhResults);
    }

    /** Ends the run soon; what is measured by then is kept. May be called on any thread. */
    public void stop() {
        stopped = true;
        Session running = session;
        if (running != null) {
            running.stop();
        } else {
            ProcessHandle.current().children().forEach(ProcessHandle::destroy);
        }
    }
}
