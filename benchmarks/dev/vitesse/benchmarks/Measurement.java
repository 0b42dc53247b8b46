// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What one contender did on one workload.
 *
 * @param workload {@link Workload#id}
 * @param title as tables show it
 * @param kind kernel, inference or training
 * @param op the operation
 * @param preset whose shapes it has
 * @param batch images that one run takes
 * @param flops of one run
 * @param bytes that one run has to move at least
 * @param contender who was measured
 * @param status whether there are times
 * @param reason why not, or empty
 * @param comparedWith whose results are the right ones: the backend reference, or for a large model's whole cpu, and how
 *     much of the workload that was; empty if nothing was compared
 * @param difference the largest difference from those as a share of the largest value; null if not compared
 * @param roundNanos median time of a run in each round, in order; contenders' rounds of one index belong together
 * @param samples number of samples in all rounds
 * @param p50 median of all samples, nanoseconds
 * @param p99 99th percentile of all samples, nanoseconds
 * @param steady whether every process ran steadily before it was measured, see {@link WarmUp}
 * @param warmUpSeconds that this took; the median of the forks
 * @param deviceNanos time of a run by the device's own clock, without waiting and transfers; null where it has none
 * @param watts that the processor took meanwhile, with everything else on it; null where that cannot be read
 * @param gpuWatts that the machine's GPUs took meanwhile, likewise
 * @param firstRunNanos from the opened device to the first result: compilation, weights, upload; the median of the forks
 */
public record Measurement(
        String workload,
        String title,
        String kind,
        String op,
        String preset,
        int batch,
        long flops,
        long bytes,
        String contender,
        Status status,
        String reason,
        String comparedWith,
        @Nullable Double difference,
        List<Double> roundNanos,
        long samples,
        @Nullable Double p50,
        @Nullable Double p99,
        boolean steady,
        @Nullable Double warmUpSeconds,
        @Nullable Double deviceNanos,
        @Nullable Double watts,
        @Nullable Double gpuWatts,
        @Nullable Double firstRunNanos) {

    /** Whether there are times. */
    public enum Status {
        OK,
        /** It computed wrongly, broke down or fell out: it has no times. */
        FAILED,
        /** Nobody asked it, because it does not know the operation or the run was stopped. */
        SKIPPED
    }

    @JsonIgnore
    boolean isOk() {
        return status == Status.OK;
    }

    /** Median time of a run with its interval, nanoseconds. */
    Statistics.Estimate time() {
        return Statistics.estimate(rounds());
    }

    double[] rounds() {
        return roundNanos.stream().mapToDouble(Double::doubleValue).toArray();
    }

    /** Time of a run for rates: by the device's clock where it has one, else the median. */
    private double busyNanos() {
        return deviceNanos == null ? time().median() : deviceNanos;
    }

    /** FLOPs per nanosecond. */
    double gigaflops() {
        return flops / busyNanos();
    }

    /** Bytes per nanosecond. */
    double gigabytes() {
        return bytes / busyNanos();
    }

    double imagesPerSecond() {
        return batch * 1e9 / time().median();
    }

    /** Energy of a run, of processors and GPUs together as far as they can be read; null if neither can. */
    @Nullable Double joulesPerRun() {
        if (watts == null && gpuWatts == null) {
            return null;
        }
        return Double.valueOf(((watts == null ? 0 : watts) + (gpuWatts == null ? 0 : gpuWatts)) * time().median() / 1e9);
    }
}
