// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Something that no single workload tells, with the goal that it has to reach.
 *
 * @param name as {@code --only} and {@code --list} know it
 * @param contender whose it is
 * @param value null if it could not be measured
 * @param unit of value, samples and goal; empty for ratios
 * @param samples that the value comes from
 * @param goal to reach; null where it could not be worked out
 * @param goalIsLeast whether the value has to be at least the goal, else at most
 * @param note what was done, or why there is no value
 */
public record KeyFigure(
        String name, String contender, @Nullable Double value, String unit, List<Double> samples, @Nullable Double goal,
        boolean goalIsLeast, String note) {

    static final List<String> HEADINGS = List.of("figure", "contender", "measured", "goal", "", "how");

    public KeyFigure {
        samples = List.copyOf(samples);
    }

    /** One that could not be measured. */
    static KeyFigure missing(String name, String contender, String reason) {
        return new KeyFigure(name, contender, null, "", List.of(), null, false, reason);
    }

    /** Whether the goal is reached; null if one of the two is unknown. */
    @Nullable Boolean met() {
        return value == null || goal == null ? null : Boolean.valueOf(goalIsLeast ? value >= goal : value <= goal);
    }

    /** A cell for each of {@link #HEADINGS}. */
    List<String> cells() {
        Boolean met = met();
        return List.of(name, contender, withUnit(value), goal == null ? "" : (goalIsLeast ? "at least " : "at most ")
                + withUnit(goal), met == null ? "" : met ? "met" : "missed", note);
    }

    private String withUnit(@Nullable Double number) {
        return number == null ? "not measured" : Cells.number(number) + (unit.isEmpty() ? "x" : " " + unit);
    }
}
