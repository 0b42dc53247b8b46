// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.model.VitConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;

/** A run of the benchmarks: chooses workloads and contenders, measures, and puts the results together. */
public final class BenchmarkRun {
    private static final int WARMUPS = 2;
    private static final double WARMUP_SECONDS = 0.5;
    private static final int QUICK_WARMUPS = 1;
    private static final double ANY_ITERATION = 0.3;

    private final Settings settings;
    private final List<Workload> workloads;
    private final List<RunResult> jmhResults = Collections.synchronizedList(new ArrayList<>());
    private @Nullable Session session;

    /**
     * @throws IllegalArgumentException if a preset or peer is unknown, or no workload has a name that was asked for
     */
    public BenchmarkRun(Settings settings) {
        this.settings = settings;
        workloads = select(settings);
    }

    private static List<Workload> select(Settings settings) {
        Map<String, Workload> all = new LinkedHashMap<>();
        List<Workload> listed = new ArrayList<>();
        if (settings.yardstick()) {
            listed.addAll(Suites.yardstick());
        } else {
            settings.presets().forEach(VitConfig::preset);
            settings.presets().forEach(p -> listed.addAll(Suites.preset(p, settings.batches(), settings.quick())));
        }
        listed.forEach(workload -> all.putIfAbsent(workload.id(), workload));
        List<Workload> chosen = all.values().stream()
                .filter(workload -> settings.only().isEmpty() || settings.only().stream().anyMatch(part ->
                        workload.id().toLowerCase(Locale.ROOT).contains(part.toLowerCase(Locale.ROOT))))
                .toList();
        if (chosen.isEmpty()) {
            throw new IllegalArgumentException("no workload's name contains '" + String.join("' or '", settings.only())
                    + "'; there are kernel, inference, training and the operations "
                    + String.join(", ", all.values().stream().map(Workload::op).distinct().toList()));
        }
        return chosen;
    }

    /** What will be measured. */
    public List<String> workloads() {
        return workloads.stream().map(Workload::id).toList();
    }

    /** Measures. After {@link #stop} the results are those that were there by then. */
    public List<Measurement> run(Session.Progress progress) {
        List<Contender> contenders = new ArrayList<>();
        for (String device : settings.devices()) {
            contenders.add(new DeviceContender(device, settings.threads(), settings.jvmFlags(), this::keep));
        }
        for (String peer : settings.peers()) {
            contenders.add(peer(peer));
        }
        Pace pace = new Pace(settings.quick() ? QUICK_WARMUPS : WARMUPS, WARMUP_SECONDS, settings.rounds(), ANY_ITERATION);
        Session.Plan plan = new Session.Plan(settings.minutes() * 60, settings.forks(), pace);
        // Contenders of one session start JMH side by side.
        System.setProperty("jmh.ignoreLock", "true");
        session = new Session(workloads, contenders, plan, progress);
        return session.run();
    }

    private Contender peer(String name) {
        if (!name.equals("torch")) {
            throw new IllegalArgumentException("unknown peer '" + name + "': use torch");
        }
        Path script = Path.of(System.getProperty("vitesse.home", "."), "benchmarks", "peers", "torch_peer.py");
        if (!Files.isReadable(script)) {
            throw new IllegalArgumentException("peer torch needs " + script + "; run scripts/benchmark of a checkout");
        }
        Path log = Path.of(System.getProperty("java.io.tmpdir"), "vitesse-peer-torch-" + ProcessHandle.current().pid() + ".log");
        return new PeerContender(name,
                List.of(settings.python(), script.toString(), "--threads", String.valueOf(settings.threads())), log);
    }

    private void keep(Collection<RunResult> results) {
        jmhResults.addAll(results);
    }

    /** Writes what JMH measured, in its own JSON format. */
    public void writeJmhResults(Path file) {
        ResultFormatFactory.getInstance(ResultFormatType.JSON, file.toString()).writeOut(jmhResults);
    }

    /** Ends the run soon; what is measured by then is kept. May be called on any thread. */
    public void stop() {
        Session running = session;
        if (running != null) {
            running.stop();
        }
    }
}
