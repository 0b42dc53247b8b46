// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The measurements for spreadsheets and scripts, RFC 4180. */
final class CsvReport {
    private static final String[] HEADINGS = {
        "workload", "kind", "op", "preset", "batch", "contender", "status", "reason", "ms", "ms_low", "ms_high", "p50_ms",
        "p99_ms", "device_ms", "rounds", "samples", "gflops", "share_of_peak", "gbytes", "share_of_copy", "images_per_s",
        "first_run_ms", "steady", "warm_up_s", "watts", "gpu_watts", "joules_per_run", "compared_with", "difference",
        "speedup", "speedup_low", "speedup_high", "p_value", "verdict", "device", "driver", "threads", "dtype", "java",
        "jvm_flags", "commit", "cold_start_s", "compile_s", "upload_gbytes", "download_gbytes", "peak_gflops",
        "copy_gbytes", "value", "unit", "goal"
    };

    private CsvReport() {}

    static String of(Report report) {
        return line((Object[]) HEADINGS)
                + report.measurements().stream().map(m -> row(report, m)).collect(Collectors.joining())
                + report.keyFigures().stream().map(CsvReport::row).collect(Collectors.joining());
    }

    /** Only columns that every row has, and those at the end. */
    private static String row(KeyFigure figure) {
        @Nullable Object[] cells = new @Nullable Object[HEADINGS.length];
        cells[0] = figure.name();
        cells[1] = "figure";
        cells[5] = figure.contender();
        cells[6] = figure.value() == null ? "skipped" : "ok";
        cells[7] = figure.note();
        cells[HEADINGS.length - 3] = figure.value();
        cells[HEADINGS.length - 2] = figure.unit();
        cells[HEADINGS.length - 1] = figure.goal();
        return line(cells);
    }

    private static String row(Report report, Measurement m) {
        Statistics.Estimate time = m.isOk() ? m.time() : new Statistics.Estimate(Double.NaN, Double.NaN, Double.NaN);
        Statistics.Comparison versus = report.againstBaseline(m);
        boolean ok = m.isOk();
        Report.ContenderInfo info = report.contender(m.contender());
        DeviceFigures figures = info.figures();
        Environment e = report.environment();
        return line(m.workload(), m.kind(), m.op(), m.preset(), m.batch(), m.contender(),
                m.status().name().toLowerCase(Locale.ROOT), m.reason(), time.median() / 1e6, time.low() / 1e6,
                time.high() / 1e6, millis(m.p50()), millis(m.p99()), millis(m.deviceNanos()), m.roundNanos().size(),
                m.samples(), ok ? m.gigaflops() : null, ok ? report.shareOfGigaflops(m) : null,
                ok ? m.gigabytes() : null, ok ? report.shareOfGigabytes(m) : null, ok ? m.imagesPerSecond() : null,
                millis(m.firstRunNanos()), ok ? m.steady() : null, m.warmUpSeconds(), m.watts(), m.gpuWatts(),
                ok ? m.joulesPerRun() : null, m.comparedWith(), m.difference(), versus == null ? null : versus.speedup().median(),
                versus == null ? null : versus.speedup().low(), versus == null ? null : versus.speedup().high(),
                versus == null ? null : versus.p(),
                versus == null ? null : versus.verdict().name().toLowerCase(Locale.ROOT), info.description(),
                info.details().get("driver"), info.threads(), report.dtype(), e.java(), String.join(" ", e.jvmFlags()),
                e.commit(), figures.coldStartSeconds(), figures.compileSeconds(), figures.uploadGigabytes(),
                figures.downloadGigabytes(), figures.gigaflops(), figures.copyGigabytes(), null, null, null);
    }

    private static @Nullable Double millis(@Nullable Double nanos) {
        return nanos == null ? null : Double.valueOf(nanos / 1e6);
    }

    private static String line(@Nullable Object... cells) {
        return Arrays.stream(cells).map(CsvReport::cell).collect(Collectors.joining(",")) + "\r\n";
    }

    private static String cell(@Nullable Object value) {
        return switch (value) {
            case null -> "";
            case Double number -> Double.isFinite(number) ? String.format(Locale.ROOT, "%.6g", number) : "";
            default -> {
                String text = value.toString();
                boolean plain = text.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
                yield plain ? text : '"' + text.replace("\"", "\"\"") + '"';
            }
        };
    }
}
