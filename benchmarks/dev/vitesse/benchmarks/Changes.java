// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What changed between two reports, for the workloads and contenders that both measured.
 *
 * @param changes every one of them
 * @param share the loss of speed beyond which a significant change is a regression
 * @param onlyOne how many measurements have no counterpart
 * @param notes what else was different, and so may be the reason
 */
public record Changes(List<Change> changes, double share, int onlyOne, List<String> notes) {
    /**
     * One workload on one contender.
     *
     * @param comparison of the new times with the old ones; a speed-up above 1 is a gain
     * @param machine how fast the contender's machine is now compared with then, at most 1: a program that is slower by
     *     no more than its machine has not become worse
     * @param failed whether it worked before and fails now
     */
    record Change(String title, String contender, Statistics.Comparison comparison, double machine, boolean failed) {
        boolean isSlower(double share) {
            return comparison.verdict() == Statistics.Verdict.SLOWER && comparison.speedup().median() < 1 - share;
        }

        boolean isRegression(double share) {
            return failed || isSlower(share) && comparison.speedup().median() < (1 - share) * machine;
        }
    }

    /** @param share 0.05 allows a loss of five percent */
    public static Changes between(Report old, Report now, double share) {
        Map<List<String>, Measurement> before = new HashMap<>();
        old.measurements().stream().filter(Measurement::isOk).forEach(m -> before.put(key(m), m));
        List<Change> changes = new ArrayList<>();
        int matched = 0;
        int fresh = 0;
        for (Measurement m : now.measurements()) {
            Measurement earlier = before.get(key(m));
            if (earlier == null || m.status() == Measurement.Status.SKIPPED) {
                fresh += m.isOk() ? 1 : 0;
                continue;
            }
            matched++;
            changes.add(new Change(m.title(), m.contender(),
                    Statistics.unpaired(m.isOk() ? m.rounds() : earlier.rounds(), earlier.rounds()),
                    machine(old, now, m.contender()), !m.isOk()));
        }
        return new Changes(List.copyOf(changes), share, fresh + before.size() - matched, notes(old, now, share));
    }

    /** The lesser of what its loop of FMAs and its copy reach of their earlier speed; of peers, which have none, the CPU's. */
    private static double machine(Report old, Report now, String contender) {
        String name = now.contenders().stream().anyMatch(c -> c.name().equals(contender) && c.peer()) ? "cpu" : contender;
        DeviceFigures then = old.figures(name);
        DeviceFigures here = now.figures(name);
        return Math.min(1, Math.min(ratio(here.gigaflops(), then.gigaflops()),
                ratio(here.copyGigabytes(), then.copyGigabytes())));
    }

    /** How fast something is compared with then; 1 if it was not measured both times. */
    private static double ratio(@Nullable Double now, @Nullable Double then) {
        return now == null || then == null ? 1 : now / then;
    }

    /** Other machines, other JDKs, and machines that were busy: their peaks were measured by the same loops. */
    private static List<String> notes(Report old, Report now, double share) {
        List<String> notes = new ArrayList<>();
        if (!old.environment().processor().equals(now.environment().processor())) {
            notes.add("another processor: " + old.environment().processor() + " then");
        }
        if (!old.environment().java().equals(now.environment().java())) {
            notes.add("another Java: " + old.environment().java() + " then");
        }
        for (Report.ContenderInfo info : now.contenders()) {
            DeviceFigures then = old.figures(info.name());
            if (!info.peer()) {
                note(notes, info.name() + "'s loop of FMAs", info.figures().gigaflops(), then.gigaflops(), share);
                note(notes, info.name() + "'s copy", info.figures().copyGigabytes(), then.copyGigabytes(), share);
            }
        }
        return List.copyOf(notes);
    }

    private static void note(List<String> notes, String what, @Nullable Double now, @Nullable Double then, double share) {
        double ratio = ratio(now, then);
        if (Math.abs(ratio - 1) > share) {
            notes.add(String.format(Locale.ROOT, "%s runs at %.2f of its earlier speed: the machine was %s", what, ratio,
                    ratio < 1 ? "busier or slower, and nothing counts as a regression that lost no more"
                            : "less busy or faster"));
        }
    }

    private static List<String> key(Measurement m) {
        return List.of(m.workload(), m.contender());
    }

    /** Those that became significantly slower, by more than the share and their machine did, and those that fail now. */
    List<Change> regressions() {
        return changes.stream().filter(c -> c.isRegression(share)).toList();
    }

    /** How many there are. */
    public int regressionCount() {
        return regressions().size();
    }

    /** The significant changes as a table, and one line that sums up. */
    public String text() {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("workload", "contender", "speed-up", "95 % interval", "p", ""));
        for (Change c : changes) {
            if (c.failed) {
                rows.add(List.of(c.title, c.contender, "FAILED now"));
            } else if (c.comparison.verdict() != Statistics.Verdict.SAME) {
                Statistics.Estimate e = c.comparison.speedup();
                rows.add(List.of(c.title, c.contender, String.format(Locale.ROOT, "%.2fx", e.median()),
                        String.format(Locale.ROOT, "%.2f to %.2f", e.low(), e.high()),
                        String.format(Locale.ROOT, "%.3f", c.comparison.p()),
                        c.isRegression(share) ? "REGRESSION" : c.isSlower(share) ? "slower, as the machine"
                                : Cells.verdict(c.comparison.verdict())));
            }
        }
        long faster = changes.stream().filter(c -> !c.failed)
                .filter(c -> c.comparison.verdict() == Statistics.Verdict.FASTER).count();
        String sum = String.format(Locale.ROOT, "%d compared: %d faster, %d regressions beyond %s %%, %d in one report only",
                changes.size(), faster, regressions().size(), Cells.number(100 * share), onlyOne);
        String different = notes.isEmpty() ? "" : "note: " + String.join("\nnote: ", notes) + "\n";
        return (rows.size() == 1 ? "" : TextReport.aligned(rows)) + different + sum + "\n";
    }
}
