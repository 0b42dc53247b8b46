// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a run found.
 *
 * @param schemaVersion of this record as JSON
 * @param created when, as ISO 8601 in UTC
 * @param command that was given
 * @param interrupted whether the run was stopped before its end
 * @param dtype of all tensors
 * @param baseline the contender with whom the others are compared
 * @param environment where
 * @param contenders who
 * @param measurements what, workload by workload
 * @param keyFigures what no single workload tells
 */
public record Report(
        int schemaVersion,
        String created,
        String command,
        boolean interrupted,
        String dtype,
        String baseline,
        Environment environment,
        List<ContenderInfo> contenders,
        List<Measurement> measurements,
        List<KeyFigure> keyFigures) {

    static final int SCHEMA_VERSION = 2;

    /**
     * A contender.
     *
     * @param name as measurements call it
     * @param description device, threads and versions, as its process told
     * @param peer whether it is another library
     * @param threads that it was given on the CPU
     * @param details of the device: driver, memory, limits
     * @param figures what holds for the device whatever it computes
     */
    public record ContenderInfo(
            String name, String description, boolean peer, int threads, Map<String, String> details,
            DeviceFigures figures) {}

    /** The measurements by workload, in order. */
    @JsonIgnore
    List<List<Measurement>> byWorkload() {
        Map<String, List<Measurement>> groups = new LinkedHashMap<>();
        measurements.forEach(m -> groups.computeIfAbsent(m.workload(), w -> new ArrayList<>()).add(m));
        return List.copyOf(groups.values());
    }

    /** How {@code m} compares with the baseline on the same workload; null if it is the baseline, or one has no times. */
    Statistics.@Nullable Comparison againstBaseline(Measurement m) {
        if (!m.isOk() || m.contender().equals(baseline)) {
            return null;
        }
        return measurements.stream()
                .filter(base -> base.contender().equals(baseline) && base.workload().equals(m.workload()) && base.isOk())
                .findFirst()
                .map(base -> Statistics.paired(m.rounds(), base.rounds()))
                .orElse(null);
    }

    /**
     * What is known of a contender.
     *
     * @throws java.util.NoSuchElementException if it has none of that name
     */
    ContenderInfo contender(String name) {
        return contenders.stream().filter(c -> c.name().equals(name)).findFirst().orElseThrow();
    }

    /** The figures of a contender's device. A peer has none of its own: on the CPU those of device cpu hold for it. */
    DeviceFigures figures(String contender) {
        ContenderInfo info = contenders.stream().filter(c -> c.name().equals(contender)).findFirst().orElse(null);
        if (info != null && info.peer()) {
            return contender.equals("cpu") ? info.figures() : figures("cpu");
        }
        return info == null ? DeviceFigures.NONE : info.figures();
    }

    /** Share of the device's own peak rate of arithmetic, or null if that is not known or the workload has none. */
    @Nullable Double shareOfGigaflops(Measurement m) {
        Double peak = figures(m.contender()).gigaflops();
        return peak == null || m.flops() == 0 ? null : Double.valueOf(m.gigaflops() / peak);
    }

    /** Share of the rate at which the device copies as many bytes, or null if that is not known. */
    @Nullable Double shareOfGigabytes(Measurement m) {
        Double peak = figures(m.contender()).copyGigabytes(m.bytes());
        return peak == null || m.bytes() == 0 ? null : Double.valueOf(m.gigabytes() / peak);
    }

    /** The same with further figures. */
    Report with(List<KeyFigure> further) {
        List<KeyFigure> all = new ArrayList<>(keyFigures);
        all.addAll(further);
        return new Report(schemaVersion, created, command, interrupted, dtype, baseline, environment, contenders,
                measurements, List.copyOf(all));
    }

    /** The key figures as a table, headings first; empty if there are none. */
    List<List<String>> keyFigureRows() {
        List<List<String>> rows = new ArrayList<>();
        if (!keyFigures.isEmpty()) {
            rows.add(KeyFigure.HEADINGS);
            keyFigures.forEach(figure -> rows.add(figure.cells()));
        }
        return rows;
    }

    /** How many measurements failed. */
    public long failures() {
        return measurements.stream().filter(m -> m.status() == Measurement.Status.FAILED).count();
    }
}
