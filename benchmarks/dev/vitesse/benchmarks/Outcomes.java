// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Makes a measurement of what a contender did in the matches about a workload. */
final class Outcomes {
    private Outcomes() {}

    /** @param outcomes of one contender, fork by fork; none if the run was stopped before */
    static Measurement measurement(Workload workload, Contender contender, List<Match.Outcome> outcomes) {
        Match.Outcome bad = outcomes.stream().filter(outcome -> !outcome.isOk()).findFirst().orElse(null);
        String comparedWith = outcomes.isEmpty() ? "" : outcomes.getLast().comparedWith();
        Double difference = outcomes.stream().map(Match.Outcome::difference).filter(Objects::nonNull)
                .map(References.Difference::relative).max(Double::compare).orElse(null);
        if (bad != null || outcomes.isEmpty()) {
            return withoutTimes(workload, contender, bad == null ? Measurement.Status.SKIPPED : bad.status(),
                    bad == null ? "interrupted" : bad.reason(), comparedWith, difference);
        }
        List<double[]> rounds = outcomes.stream().flatMap(outcome -> outcome.samples().stream()).toList();
        double[] all = rounds.stream().flatMapToDouble(Arrays::stream).toArray();
        List<ObjectNode> ready = outcomes.stream().map(Match.Outcome::ready).filter(Objects::nonNull).toList();
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(),
                workload.preset(), workload.batch(), workload.flops(), workload.bytes(), contender.name(),
                Measurement.Status.OK, "", comparedWith, difference, rounds.stream().map(Statistics::median).toList(),
                all.length, Statistics.median(all), Statistics.percentile(99, all),
                ready.stream().allMatch(message -> message.path("steady").asBoolean()),
                said(ready, "warm_up_seconds"), median(outcomes, Match.Outcome::deviceNanos),
                median(outcomes, Match.Outcome::watts), median(outcomes, Match.Outcome::gpuWatts),
                said(ready, "first_run_nanos"));
    }

    /** The median of what the processes said when they were ready; null if none said it. */
    private static @Nullable Double said(List<ObjectNode> ready, String field) {
        return median(ready.stream().filter(message -> message.has(field))
                .map(message -> message.get(field).asDouble()).toList());
    }

    private static @Nullable Double median(
            List<Match.Outcome> outcomes, Function<Match.Outcome, List<Double>> values) {
        return median(outcomes.stream().flatMap(outcome -> values.apply(outcome).stream()).toList());
    }

    private static @Nullable Double median(List<Double> values) {
        return values.isEmpty() ? null : Statistics.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    static Measurement skipped(Workload workload, Contender contender, String reason) {
        return withoutTimes(workload, contender, Measurement.Status.SKIPPED, reason, "", null);
    }

    static Measurement failed(Workload workload, Contender contender, String reason) {
        return withoutTimes(workload, contender, Measurement.Status.FAILED, reason, "", null);
    }

    private static Measurement withoutTimes(Workload workload, Contender contender, Measurement.Status status,
            String reason, String comparedWith, @Nullable Double difference) {
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(),
                workload.preset(), workload.batch(), workload.flops(), workload.bytes(), contender.name(), status,
                reason, comparedWith, difference, List.of(), 0, null, null, false, null, null, null, null, null);
    }
}
