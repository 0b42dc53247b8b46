// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** All workloads, one after the other, within a time. */
public final class Session {
    /** What a match costs beside its iterations: starting processes, preparing, comparing. */
    private static final double MATCH_OVERHEAD_SECONDS = 2.5;
    private static final double SHORT_MATCH_SECONDS = 5;
    private static final double SHORTEST_ITERATION = 0.05;
    private static final double LONGEST_ITERATION = 1;

    private final List<Workload> workloads;
    private final List<Contender> contenders;
    private final Plan plan;
    private final Progress progress;
    private final Path folder;
    private final List<Measurement> measurements = new ArrayList<>();
    private final Map<Contender, String> descriptions = new HashMap<>();
    private volatile boolean stopped;

    /**
     * How long and how often.
     *
     * @param seconds the whole session may take
     * @param forks processes of each contender for each workload
     * @param pace of a match; its iterations are shortened or lengthened to fill the time
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

    /** Measures everything; after {@link #stop} what has been measured until then. */
    List<Measurement> run() {
        long start = System.nanoTime();
        try (Reception reception = new Reception()) {
            for (int i = 0; i < workloads.size() && !stopped; i++) {
                double left = plan.seconds - (System.nanoTime() - start) / 1e9;
                Workload workload = workloads.get(i);
                progress.workload(i + 1, workloads.size(), workload.title(), secondsLeft(i, left, start));
                List<Measurement> measured = measure(workload, left / (workloads.size() - i), reception);
                measurements.addAll(measured);
                measured.stream().filter(m -> m.status() == Measurement.Status.FAILED)
                        .forEach(m -> progress.failed(m.title(), m.contender(), m.reason()));
            }
        } finally {
            contenders.forEach(Contender::close);
            delete(folder);
        }
        return List.copyOf(measurements);
    }

    /** As long for each workload as for those before. */
    private double secondsLeft(int done, double planned, long start) {
        double each = (System.nanoTime() - start) / 1e9 / done;
        return done == 0 ? Math.max(planned, SHORT_MATCH_SECONDS * workloads.size()) : each * (workloads.size() - done);
    }

    private List<Measurement> measure(Workload workload, double seconds, Reception reception) {
        long deadline = System.nanoTime() + (long) (seconds * 1e9);
        Exchange exchange = new Exchange(newFolder());
        List<Contender> able = contenders.stream().filter(c -> c.refusal(workload).isEmpty()).toList();
        List<References.Expected> expected;
        try {
            expected = References.expected(workload);
            References.inputs(workload).forEach(exchange::writeInput);
            if (workload.kernelCase() == null && able.stream().anyMatch(Contender::isPeer)) {
                References.writeWeights(workload, exchange.folder());
            }
        } catch (OutOfMemoryError e) {
            String reason = "the reference lacks memory (" + e.getMessage() + "): use a smaller batch or model, or raise it"
                    + " with VITESSE_JAVA_OPTS=-Xmx8g";
            return contenders.stream().map(c ->
                    withoutTimes(workload, c, Measurement.Status.FAILED, reason, null)).toList();
        }
        Map<Contender, List<Match.Outcome>> outcomes = new LinkedHashMap<>();
        able.forEach(contender -> outcomes.put(contender, new ArrayList<>()));
        for (int fork = 0; fork < plan.forks && !stopped; fork++) {
            double left = (deadline - System.nanoTime()) / 1e9;
            if (fork > 0 && left <= 0) {
                break;
            }
            List<Contender> healthy = able.stream().filter(c -> outcomes.get(c).stream()
                    .allMatch(outcome -> outcome.failure().isEmpty())).toList();
            Match match = new Match(workload, expected, exchange, pace(left / (plan.forks - fork), healthy.size()),
                    reception, () -> stopped);
            match.play(healthy).forEach((contender, outcome) -> {
                outcomes.get(contender).add(outcome);
                if (outcome.ready() != null) {
                    descriptions.put(contender, outcome.ready().path("device").asText());
                }
            });
        }
        delete(exchange.folder());
        return contenders.stream().map(c -> able.contains(c)
                ? measurement(workload, c, outcomes.get(c))
                : skipped(workload, c, c.refusal(workload))).toList();
    }

    /** The plan's pace with iterations as long as the time for a match allows. */
    private Pace pace(double seconds, int count) {
        Pace pace = plan.pace;
        double warmups = pace.warmups() * pace.warmupSeconds() * count;
        double each = (seconds - MATCH_OVERHEAD_SECONDS - warmups) / (pace.rounds() * Math.max(1, count));
        return pace.withSeconds(Math.clamp(each, SHORTEST_ITERATION, LONGEST_ITERATION));
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

    private static Measurement measurement(Workload workload, Contender contender, List<Match.Outcome> outcomes) {
        String failure = outcomes.stream().map(Match.Outcome::failure).filter(f -> !f.isEmpty()).findFirst()
                .orElse(outcomes.isEmpty() ? "interrupted" : "");
        Double difference = outcomes.stream().map(Match.Outcome::difference).filter(Objects::nonNull)
                .map(References.Difference::relative).max(Double::compare).orElse(null);
        if (!failure.isEmpty()) {
            return withoutTimes(workload, contender, failure.equals("interrupted")
                    ? Measurement.Status.SKIPPED : Measurement.Status.FAILED, failure, difference);
        }
        List<double[]> rounds = outcomes.stream().flatMap(outcome -> outcome.samples().stream()).toList();
        double[] all = rounds.stream().flatMapToDouble(Arrays::stream).toArray();
        List<Double> first = outcomes.stream().map(Match.Outcome::ready).filter(Objects::nonNull)
                .filter(ready -> ready.has("first_run_nanos"))
                .map(ready -> ready.get("first_run_nanos").asDouble()).toList();
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(),
                workload.preset(), workload.batch(), workload.flops(), workload.bytes(), contender.name(),
                Measurement.Status.OK, "", References.device(workload), difference, rounds.stream().map(Statistics::median).toList(), all.length,
                Statistics.median(all), Statistics.percentile(99, all),
                median(outcomes.stream().flatMap(outcome -> outcome.deviceNanos().stream()).toList()),
                median(outcomes.stream().flatMap(outcome -> outcome.watts().stream()).toList()), median(first));
    }

    private static @Nullable Double median(List<Double> values) {
        return values.isEmpty() ? null : Statistics.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static Measurement skipped(Workload workload, Contender contender, String reason) {
        return withoutTimes(workload, contender, Measurement.Status.SKIPPED, reason, null);
    }

    private static Measurement withoutTimes(Workload workload, Contender contender, Measurement.Status status,
            String reason, @Nullable Double difference) {
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(),
                workload.preset(), workload.batch(), workload.flops(), workload.bytes(), contender.name(), status,
                reason, References.device(workload), difference, List.of(), 0, null, null, null, null, null);
    }
}
