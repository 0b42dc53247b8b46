// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * One workload, all contenders, a new process for each: they start side by side, prepare one after the other, and then
 * compute in turns, while the others wait. The order turns round with every round, so that nobody always comes first.
 */
final class Match {
    private static final Duration START = Duration.ofSeconds(120);
    private static final Duration ANSWER = Duration.ofMinutes(10);
    /** Between turns: threads of the one before may still spin. */
    private static final long PAUSE_MILLIS = 15;
    private static final int LONGEST_REASON = 400;
    private static final String INTERRUPTED = "interrupted";

    private final Workload workload;
    private final List<References.Expected> expected;
    private final Exchange exchange;
    private final Pace pace;
    private final Reception reception;
    private final Meters meters;
    private final BooleanSupplier stopped;

    /** Those who are still in the match, by contender, and what has become of all. */
    private final Map<Contender, Entrant> entrants = new LinkedHashMap<>();
    private final Map<Contender, Link> links = new LinkedHashMap<>();
    private final Map<Contender, Outcome> outcomes = new HashMap<>();
    private final Map<Contender, ObjectNode> readiness = new HashMap<>();
    private final Map<Contender, References.Difference> differences = new HashMap<>();
    private final Map<Contender, SortedSet<String>> comparedWith = new HashMap<>();
    private final Map<Contender, List<Double>> deviceNanos = new HashMap<>();
    private final Map<Contender, List<Double>> watts = new HashMap<>();
    private final Map<Contender, List<Double>> gpuWatts = new HashMap<>();

    /**
     * What a contender did.
     *
     * @param status whether there are times
     * @param reason why not, or empty
     * @param difference from the right results; null if nothing was compared
     * @param comparedWith whose they are
     * @param ready what its process said when it was ready
     * @param samples nanoseconds of a run, by round
     * @param deviceNanos of a run by the device's clock, by round; empty where it has none
     * @param watts that the processor took, by round; empty where that cannot be read
     * @param gpuWatts that the GPUs took, likewise
     */
    record Outcome(
            Measurement.Status status,
            String reason,
            References.@Nullable Difference difference,
            String comparedWith,
            @Nullable ObjectNode ready,
            List<double[]> samples,
            List<Double> deviceNanos,
            List<Double> watts,
            List<Double> gpuWatts) {
        boolean isOk() {
            return status == Measurement.Status.OK;
        }
    }

    Match(Workload workload, List<References.Expected> expected, Exchange exchange, Pace pace, Reception reception,
            Meters meters, BooleanSupplier stopped) {
        this.workload = workload;
        this.expected = expected;
        this.exchange = exchange;
        this.pace = pace;
        this.reception = reception;
        this.meters = meters;
        this.stopped = stopped;
    }

    /** Plays; the outcome of every contender, those included who failed. */
    Map<Contender, Outcome> play(List<Contender> contenders) {
        try {
            for (Contender contender : contenders) {
                entrants.put(contender, contender.enter(workload, exchange, pace, reception));
            }
            contenders.forEach(this::greet);
            contenders.forEach(this::prepare);
            List<Contender> order = new ArrayList<>(contenders);
            for (int i = 0; i < pace.turns(); i++) {
                for (Contender contender : order) {
                    turn(contender, i);
                }
                Collections.reverse(order);
            }
            contenders.forEach(this::finish);
        } finally {
            contenders.forEach(this::leave);
        }
        return outcomes;
    }

    private void greet(Contender contender) {
        Entrant entrant = entrants.get(contender);
        long deadline = System.nanoTime() + START.toNanos();
        while (System.nanoTime() < deadline && !stopped.getAsBoolean()) {
            Link link = reception.poll(contender.name());
            if (link != null) {
                links.put(contender, link);
                return;
            }
            if (entrant.hasEnded()) {
                fail(contender, "its process did not start" + (entrant.log().isBlank() ? "" : ": " + entrant.log()));
                return;
            }
        }
        if (stopped.getAsBoolean()) {
            skip(contender, INTERRUPTED);
        } else {
            fail(contender, "its process did not start in time");
        }
    }

    private void prepare(Contender contender) {
        attempt(contender, link -> {
            ObjectNode message = Link.message("prepare");
            Peers.describe(message, workload, exchange);
            link.send(message.put("warm_up_seconds", pace.longestWarmUp()));
            ObjectNode ready = link.receive(ANSWER);
            if (!ready.path("say").asText().equals("ready")) {
                fail(contender, ready.path("reason").asText("it said " + ready));
                return;
            }
            readiness.put(contender, ready);
            compare(contender);
            double turns = pace.turns() * ready.path("nanos").asDouble() / 1e9;
            if (turns > pace.longestTurns()) {
                skip(contender, String.format(Locale.ROOT, "a run takes %.1f s, so that %d turns would not fit into the time;"
                        + " raise --minutes", turns / pace.turns(), pace.turns()));
            }
        });
    }

    /** Compares what the contender has just computed; a wrong result ends the match for it. */
    private void compare(Contender contender) {
        References.Difference difference = differences.get(contender);
        for (References.Expected each : expected) {
            // What device cpu computed says nothing about itself.
            boolean itself = each.from().equals(References.CPU) && contender.name().equals(References.CPU);
            if (!itself && exchange.hasResult(contender.name(), each.name())) {
                References.Difference next = each.difference(exchange.readResult(contender.name(), each.name()));
                difference = difference == null ? next : difference.and(next);
                exchange.deleteResult(contender.name(), each.name());
                comparedWith.computeIfAbsent(contender, c -> new TreeSet<>(Comparator.reverseOrder()))
                        .add(References.description(workload, each.from()));
                if (!next.within()) {
                    differences.put(contender, difference);
                    fail(contender, String.format(Locale.ROOT,
                            "wrong result: %s differs from that of %s by up to %.2e of its largest value",
                            each.name(), each.from(), next.relative()));
                    return;
                }
            }
        }
        if (difference == null && !contender.isPeer()) {
            fail(contender, "it gave no result to compare");
        }
        differences.put(contender, difference);
    }

    private void turn(Contender contender, int iteration) {
        boolean counts = iteration >= pace.warmups();
        attempt(contender, link -> {
            pause();
            meters.start();
            link.send(Link.message("go").put("seconds", pace.seconds()));
            ObjectNode done = link.receive(ANSWER);
            Meters.Power power = meters.stop();
            if (!done.path("say").asText().equals("done")) {
                fail(contender, done.path("reason").asText("it said " + done));
            } else if (counts) {
                entrants.get(contender).iterationDone(done);
                add(deviceNanos, contender, done.has("device_nanos") ? done.get("device_nanos").asDouble() : null);
                add(watts, contender, power.watts());
                add(gpuWatts, contender, power.gpuWatts());
            }
        });
    }

    private static void add(Map<Contender, List<Double>> lists, Contender contender, @Nullable Double value) {
        if (value != null) {
            lists.computeIfAbsent(contender, c -> new ArrayList<>()).add(value);
        }
    }

    private static void pause() {
        try {
            Thread.sleep(PAUSE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void finish(Contender contender) {
        attempt(contender, link -> {
            link.send("end");
            ObjectNode bye = link.receive(ANSWER);
            if (!bye.path("say").asText().equals("bye")) {
                fail(contender, bye.path("reason").asText("it said " + bye));
                return;
            }
            compare(contender);
            List<double[]> samples = entrants.get(contender).samples();
            if (outcomes.get(contender) == null) {
                if (samples.size() == pace.rounds()) {
                    outcomes.put(contender, outcome(contender, Measurement.Status.OK, "", samples));
                } else {
                    fail(contender, "it gave " + samples.size() + " of " + pace.rounds() + " rounds");
                }
            }
        });
    }

    private interface Action {
        void on(Link link);
    }

    /** Does something with a contender that is still in the match. */
    private void attempt(Contender contender, Action action) {
        Link link = links.get(contender);
        if (link == null || outcomes.containsKey(contender)) {
            return;
        }
        if (stopped.getAsBoolean()) {
            skip(contender, INTERRUPTED);
            return;
        }
        try {
            action.on(link);
        } catch (Link.BrokenException e) {
            // Ctrl-C reaches the other processes as well, perhaps before this one knows that it should stop.
            pause();
            if (stopped.getAsBoolean()) {
                skip(contender, INTERRUPTED);
            } else {
                fail(contender, e.getMessage());
            }
        }
    }

    private void fail(Contender contender, String reason) {
        outcomes.putIfAbsent(contender, outcome(contender, Measurement.Status.FAILED, reason, List.of()));
    }

    private void skip(Contender contender, String reason) {
        outcomes.putIfAbsent(contender, outcome(contender, Measurement.Status.SKIPPED, reason, List.of()));
    }

    private Outcome outcome(Contender contender, Measurement.Status status, String text, List<double[]> samples) {
        // Compilers' messages come in lines.
        String line = text.strip().replaceAll("\\s*\\R\\s*", " ");
        String reason = line.length() > LONGEST_REASON ? line.substring(0, LONGEST_REASON) + " ..." : line;
        return new Outcome(status, reason, differences.get(contender),
                String.join("; ", comparedWith.getOrDefault(contender, new TreeSet<>())), readiness.get(contender), samples,
                deviceNanos.getOrDefault(contender, List.of()), watts.getOrDefault(contender, List.of()),
                gpuWatts.getOrDefault(contender, List.of()));
    }

    private void leave(Contender contender) {
        Entrant entrant = entrants.get(contender);
        Outcome outcome = outcomes.get(contender);
        boolean failed = outcome == null || !outcome.isOk();
        if (entrant == null || failed || !entrant.stays()) {
            reception.hangUp(contender.name());
        }
        if (entrant != null && (failed || !entrant.stays())) {
            entrant.stop();
        }
    }
}
