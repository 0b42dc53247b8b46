// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** All workloads, one after the other, within a time. */
public final class Session {
    private static final double SHORTEST_TURN = 0.05;
    private static final double LONGEST_TURN = 1;
    /** Of the time left, at most, for the turns of one contender in one match; a few seconds there are always. */
    private static final double LARGEST_SHARE = 0.3;
    private static final double ALWAYS_SECONDS = 10;

    private final List<Workload> workloads;
    private final List<Contender> contenders;
    private final Plan plan;
    private final Progress progress;
    private final Path folder;
    private final List<Measurement> measurements = new ArrayList<>();
    private final Map<Contender, String> descriptions = new HashMap<>();
    private final Map<ModelData.Checked, List<References.Expected>> logits = new HashMap<>();
    private final Meters meters = Meters.ofThisMachine();

    /** Seconds that a match costs beside its turns: starting processes, preparing, warming up, comparing. */
    private final Map<Workload.Kind, Double> overheads = new EnumMap<>(
            Map.of(Workload.Kind.KERNEL, 4.0, Workload.Kind.INFERENCE, 6.0, Workload.Kind.TRAINING, 10.0));

    private volatile boolean stopped;

    /**
     * How long and how often.
     *
     * @param seconds the whole session may take
     * @param forks processes of each contender for each workload
     * @param pace of a match; its turns are shortened or lengthened to fill the time
     */
    record Plan(double seconds, int forks, Pace pace) {}

    /** Told of what goes on. */
    public interface Progress {
        /**
         * The next workload.
         *
         * @param secondsLeft an estimate
         */
        void workload(int number, int of, String title, double secondsLeft);

        /** A contender that has no times. */
        void failed(String title, String contender, String reason);

        /** Something that is done before. */
        void note(String text);
    }

    Session(List<Workload> workloads, List<Contender> contenders, Plan plan, Progress progress) {
        this.workloads = List.copyOf(workloads);
        this.contenders = List.copyOf(contenders);
        this.plan = plan;
        this.progress = progress;
        try {
            folder = Files.createTempDirectory("vitesse-bench");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends the run soon; what is measured by then is kept. May be called on any thread. */
    void stop() {
        stopped = true;
        ProcessHandle.current().children().forEach(ProcessHandle::destroy);
    }

    /** What a contender's process said it is, or {@code otherwise} if it never did. */
    String description(Contender contender, String otherwise) {
        return descriptions.getOrDefault(contender, otherwise);
    }

    /**
     * Measures everything; after {@link #stop} what has been measured until then. When the time is over, what remains is
     * skipped but for the first workload of each kind.
     */
    List<Measurement> run() {
        long start = System.nanoTime();
        Set<Workload.Kind> seen = EnumSet.noneOf(Workload.Kind.class);
        try (Reception reception = new Reception()) {
            for (int i = 0; i < workloads.size() && !stopped; i++) {
                Workload workload = workloads.get(i);
                double left = plan.seconds - (System.nanoTime() - start) / 1e9;
                // A match that could not but begin would end too late.
                if (!seen.add(workload.kind()) && left <= overheads.get(workload.kind()) / 2) {
                    contenders.forEach(c -> measurements.add(
                            Outcomes.skipped(workload, c, "the time was over; raise --minutes")));
                    continue;
                }
                progress.workload(i + 1, workloads.size(), workload.title(), secondsLeft(i, left, start));
                List<Measurement> measured = measure(workload, left / (workloads.size() - i), left, reception);
                measurements.addAll(measured);
                measured.stream().filter(m -> m.status() == Measurement.Status.FAILED)
                        .forEach(m -> progress.failed(m.title(), m.contender(), m.reason()));
            }
        } finally {
            contenders.forEach(Contender::close);
            meters.close();
            delete(folder);
        }
        return List.copyOf(measurements);
    }

    /** The rest of the plan, or what workloads like those before would take if that is less. */
    private double secondsLeft(int done, double planned, long start) {
        double each = (System.nanoTime() - start) / 1e9 / Math.max(1, done);
        return done == 0 ? planned : Math.min(planned, each * (workloads.size() - done));
    }

    private List<Measurement> measure(Workload workload, double seconds, double left, Reception reception) {
        Exchange exchange = new Exchange(newFolder());
        List<Contender> able = contenders.stream().filter(c -> c.refusal(workload).isEmpty()).toList();
        long deadline = System.nanoTime() + (long) (seconds * 1e9);
        List<References.Expected> expected;
        try {
            expected = expected(workload);
            References.inputs(workload).forEach(exchange::writeInput);
            if (workload.kernelCase() == null && able.stream().anyMatch(Contender::isPeer)) {
                References.writeWeights(workload, exchange.folder());
            }
        } catch (OutOfMemoryError e) {
            String reason = "the reference lacks memory (" + e.getMessage() + "): use a smaller batch or model, or raise it"
                    + " with VITESSE_JAVA_OPTS=-Xmx8g";
            return contenders.stream().map(c -> Outcomes.failed(workload, c, reason)).toList();
        }
        Map<Contender, List<Match.Outcome>> outcomes = new LinkedHashMap<>();
        able.forEach(contender -> outcomes.put(contender, new ArrayList<>()));
        for (int fork = 0; fork < plan.forks && !stopped; fork++) {
            double rest = (deadline - System.nanoTime()) / 1e9;
            if (fork > 0 && rest <= 0) {
                break;
            }
            List<Contender> healthy = able.stream()
                    .filter(c -> outcomes.get(c).stream().allMatch(Match.Outcome::isOk)).toList();
            Pace pace = pace(workload.kind(), rest / (plan.forks - fork), left, healthy.size());
            long start = System.nanoTime();
            new Match(workload, expected, exchange, pace, reception, meters, () -> stopped)
                    .play(healthy).forEach((contender, outcome) -> {
                        outcomes.get(contender).add(outcome);
                        if (outcome.ready() != null) {
                            descriptions.put(contender, outcome.ready().path("device").asText());
                        }
                    });
            learn(workload.kind(), (System.nanoTime() - start) / 1e9 - healthy.size() * pace.turns() * pace.seconds());
        }
        delete(exchange.folder());
        return contenders.stream().map(c -> able.contains(c)
                ? Outcomes.measurement(workload, c, outcomes.get(c))
                : Outcomes.skipped(workload, c, c.refusal(workload))).toList();
    }

    /** Inference at several batches has the same right results, those of the first images. */
    private List<References.Expected> expected(Workload workload) {
        if (workload.kind() != Workload.Kind.INFERENCE) {
            return References.expected(workload);
        }
        return logits.computeIfAbsent(ModelData.checked(workload), checked -> References.expected(workload));
    }

    /** The plan's pace with turns as long as the time for a match allows. */
    private Pace pace(Workload.Kind kind, double seconds, double left, int count) {
        double each = (seconds - overheads.get(kind)) / (plan.pace.turns() * Math.max(1, count));
        return plan.pace.with(Math.clamp(each, SHORTEST_TURN, LONGEST_TURN), Math.max(ALWAYS_SECONDS, left * LARGEST_SHARE));
    }

    /** What a match of this kind costs beside its turns, for the next one. */
    private void learn(Workload.Kind kind, double overhead) {
        overheads.merge(kind, Math.max(0, overhead), (before, now) -> (before + now) / 2);
    }

    private Path newFolder() {
        try {
            return Files.createTempDirectory(folder, "match");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            // Left to the system's cleaning of temporary files.
        }
    }
}
