// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;

/** Made-up reports. */
final class Reports {
    static final DeviceFigures FIGURES = new DeviceFigures(1.2, 0.1, 0.2, 100.0,
            List.of(new DeviceFigures.CopyRate(1 << 20, 80), new DeviceFigures.CopyRate(1 << 28, 20)), 5.0, 6.0);

    private Reports() {}

    /** Eight rounds around {@code millis}, scattered by up to {@code scatter} of it. */
    static List<Double> rounds(double millis, double scatter) {
        return DoubleStream.of(-1, 0.5, 0.1, -0.4, 1, -0.2, 0.3, -0.6).map(x -> 1e6 * millis * (1 + scatter * x)).boxed()
                .toList();
    }

    static Measurement ok(Workload workload, String contender, double millis) {
        List<Double> rounds = rounds(millis, 0.01);
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(), workload.preset(),
                workload.batch(), workload.flops(), workload.bytes(), contender, Measurement.Status.OK, "", "reference", 3e-7,
                rounds, 800, 1e6 * millis, 1.02e6 * millis, true, 0.4, null, 35.0, null, 2e6);
    }

    static Measurement failed(Workload workload, String contender, String reason) {
        return new Measurement(workload.id(), workload.title(), workload.kind().text(), workload.op(), workload.preset(),
                workload.batch(), workload.flops(), workload.bytes(), contender, Measurement.Status.FAILED, reason,
                "reference", 0.5, List.of(), 0, null, null, false, null, null, null, null, null);
    }

    static Report report(List<Measurement> measurements) {
        List<Report.ContenderInfo> contenders = new ArrayList<>();
        for (String name : measurements.stream().map(Measurement::contender).distinct().toList()) {
            contenders.add(new Report.ContenderInfo(name, name + " <device>", name.equals("torch"), 2,
                    Map.of("driver", "1.0"), name.equals("torch") ? DeviceFigures.NONE : FIGURES));
        }
        return new Report(Report.SCHEMA_VERSION, "2026-01-02T03:04:05Z", "scripts/benchmark --quick", false, "float32",
                contenders.getFirst().name(),
                new Environment("abc", "25", List.of("-Xmx1g"), "Linux", "CPU & Co", 2, 1L << 34, 0.5), contenders,
                measurements, List.of());
    }

    /** Inference at two batches, and the kernels of lightvit, on a CPU and on a GPU that is three times as fast. */
    static Report whole() {
        List<Measurement> measurements = new ArrayList<>();
        for (Workload workload : Suites.preset("lightvit", List.of(1, 8), true)) {
            measurements.add(ok(workload, "cpu", 6));
            measurements.add(ok(workload, "opencl:0", 2));
        }
        return report(measurements);
    }
}
