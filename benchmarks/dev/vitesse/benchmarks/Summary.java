// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** A report in one row for each contender. */
final class Summary {
    private Summary() {}

    /** Headings, then contenders. */
    static List<List<String>> of(Report report) {
        List<List<String>> rows = new ArrayList<>();
        rows.add(List.of("contender", "inference, images/s", "training, images/s",
                "kernels against " + report.baseline() + ", geometric mean", "faster", "same", "slower", "failed",
                "skipped"));
        for (Report.ContenderInfo contender : report.contenders()) {
            List<Measurement> own =
                    report.measurements().stream().filter(m -> m.contender().equals(contender.name())).toList();
            List<Statistics.Comparison> comparisons = own.stream().map(report::againstBaseline)
                    .filter(c -> c != null).toList();
            rows.add(List.of(contender.name(), best(own, Workload.Kind.INFERENCE), best(own, Workload.Kind.TRAINING),
                    kernels(report, own), count(comparisons, Statistics.Verdict.FASTER),
                    count(comparisons, Statistics.Verdict.SAME), count(comparisons, Statistics.Verdict.SLOWER),
                    count(own, Measurement.Status.FAILED), count(own, Measurement.Status.SKIPPED)));
        }
        return rows;
    }

    /** The largest throughput, and of what. */
    private static String best(List<Measurement> measurements, Workload.Kind kind) {
        return measurements.stream().filter(m -> m.isOk() && m.kind().equals(kind.text()))
                .max(Comparator.comparingDouble(Measurement::imagesPerSecond))
                .map(m -> Cells.number(m.imagesPerSecond()) + " (" + m.preset() + " b=" + m.batch() + ")").orElse("");
    }

    private static String kernels(Report report, List<Measurement> own) {
        double[] speedups = own.stream().filter(m -> m.kind().equals(Workload.Kind.KERNEL.text()))
                .map(report::againstBaseline).filter(c -> c != null).mapToDouble(c -> c.speedup().median()).toArray();
        return speedups.length == 0 ? ""
                : String.format(Locale.ROOT, "%.2fx of %d", Statistics.geometricMean(speedups), speedups.length);
    }

    private static String count(List<Statistics.Comparison> comparisons, Statistics.Verdict verdict) {
        return comparisons.isEmpty() ? "" : number(comparisons.stream().filter(c -> c.verdict() == verdict));
    }

    private static String count(List<Measurement> measurements, Measurement.Status status) {
        return number(measurements.stream().filter(m -> m.status() == status));
    }

    private static String number(Stream<?> counted) {
        return String.valueOf(counted.count());
    }
}
