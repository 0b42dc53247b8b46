// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.kernels.Tolerance;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The rules of a match, with contenders that are threads and compute nothing. */
@Timeout(60)
class MatchTest {
    private static final Pace PACE = new Pace(0, 1, 3, 0, 60);
    private static final List<References.Expected> EXPECTED =
            List.of(new References.Expected("y", "reference", new double[] {1, 2}, new Tolerance(1e-3, 2)));

    /** Its runs take longer than all turns may. */
    private static final String SLOW = "slow";

    @TempDir
    private Path folder;

    private final List<String> turns = Collections.synchronizedList(new ArrayList<>());

    /** What a contender does: its answer at the beginning and at the end, and when it falls silent. */
    private record Script(float[] first, float[] last, int turnsUntilGone) {}

    private final class Scripted implements Contender {
        private final String name;
        private final Script script;

        Scripted(String name, Script script) {
            this.name = name;
            this.script = script;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public boolean isPeer() {
            return false;
        }

        @Override
        public String refusal(Workload workload) {
            return "";
        }

        @Override
        public Entrant enter(Workload workload, Exchange exchange, Pace pace, Reception reception) {
            List<double[]> samples = new ArrayList<>();
            Thread thread = Thread.ofVirtual().start(() -> play(exchange, Link.to(reception.port())));
            return new Entrant() {
                @Override
                public boolean hasEnded() {
                    return !thread.isAlive();
                }

                @Override
                public void iterationDone(ObjectNode message) {
                    samples.add(new double[] {5});
                }

                @Override
                public List<double[]> samples() {
                    return samples;
                }

                @Override
                public String log() {
                    return "";
                }

                @Override
                public boolean stays() {
                    return false;
                }

                @Override
                public void stop() {
                    thread.interrupt();
                }
            };
        }

        private void play(Exchange exchange, Link link) {
            try (link) {
                link.send(Link.message("hello").put("contender", name));
                link.await("prepare");
                exchange.writeResult(name, "y", Job.bits(script.first));
                link.send(Link.message("ready").put("nanos", name.equals(SLOW) ? 1e12 : 1e6));
                for (int i = 0; i < PACE.turns(); i++) {
                    link.await("go");
                    if (i == script.turnsUntilGone) {
                        return;
                    }
                    turns.add(name);
                    link.send("done");
                }
                link.await("end");
                exchange.writeResult(name, "y", Job.bits(script.last));
                link.send("bye");
            } catch (Link.BrokenException e) {
                // Thrown out.
            }
        }

        @Override
        public void close() {}
    }

    private Map<String, Match.Outcome> play(Map<String, Script> scripts) {
        List<Contender> contenders = new ArrayList<>();
        scripts.forEach((name, script) -> contenders.add(new Scripted(name, script)));
        contenders.sort((a, b) -> a.name().compareTo(b.name()));
        Map<String, Match.Outcome> outcomes = new HashMap<>();
        try (Reception reception = new Reception()) {
            new Match(Workload.inference("lightvit", 1), EXPECTED, new Exchange(folder), PACE, reception, Meters.ofThisMachine(), () -> false)
                    .play(contenders).forEach((contender, outcome) -> outcomes.put(contender.name(), outcome));
        }
        return outcomes;
    }

    private static Script right() {
        return new Script(new float[] {1, 2}, new float[] {1, 2.001f}, -1);
    }

    @Test
    void contendersTakeTurnsAndTheOrderTurnsRound() {
        Map<String, Match.Outcome> outcomes = play(Map.of("a", right(), "b", right()));
        assertThat(turns).containsExactly("a", "b", "b", "a", "a", "b", "b", "a");
        assertThat(outcomes.values()).allSatisfy(outcome -> {
            assertThat(outcome.reason()).isEmpty();
            assertThat(outcome.samples()).hasSize(PACE.rounds());
            assertThat(outcome.difference().relative()).isBetween(4e-4, 6e-4);
        });
    }

    @Test
    void aWrongResultIsAFailureAndHasNoTimes() {
        Map<String, Match.Outcome> outcomes =
                play(Map.of("a", right(), "b", new Script(new float[] {1, 2.1f}, new float[] {1, 2}, -1)));
        assertThat(outcomes.get("b").reason()).startsWith("wrong result: y differs from that of reference by up to 5.0");
        assertThat(outcomes.get("b").samples()).isEmpty();
        assertThat(outcomes.get("a").reason()).isEmpty();
        assertThat(turns).containsOnly("a");
    }

    @Test
    void soIsOneThatTurnsWrongWhileItIsMeasured() {
        for (float[] wrong : new float[][] {{1, Float.NaN}, {1}, {1, 3}}) {
            Match.Outcome outcome = play(Map.of("a", new Script(new float[] {1, 2}, wrong, -1))).get("a");
            assertThat(outcome.reason()).startsWith("wrong result: y");
            assertThat(outcome.samples()).isEmpty();
        }
    }

    @Test
    void whoseRunsWouldTakeTooLongIsSkippedAndHasNoTurns() {
        Map<String, Match.Outcome> outcomes = play(Map.of(SLOW, right(), "b", right()));
        assertThat(outcomes.get(SLOW).status()).isEqualTo(Measurement.Status.SKIPPED);
        assertThat(outcomes.get(SLOW).reason()).startsWith("a run takes 1000.0 s, so that 4 turns would not fit");
        assertThat(outcomes.get("b").isOk()).isTrue();
        assertThat(turns).containsOnly("b");
    }

    @Test
    void whoEndsFallsOutAndTheOthersGoOn() {
        Map<String, Match.Outcome> outcomes =
                play(Map.of("a", new Script(new float[] {1, 2}, new float[] {1, 2}, 2), "b", right()));
        assertThat(outcomes.get("a").reason()).isEqualTo("its process has ended");
        assertThat(outcomes.get("b").reason()).isEmpty();
        assertThat(turns.stream().filter("b"::equals)).hasSize(PACE.turns());
    }
}
