// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntToDoubleFunction;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** What the processor does at best, with all threads at once: fused multiply-adds in registers, and copying. */
final class CpuPeak {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    /** Independent chains: two units with a latency of four or five cycles. */
    private static final int CHAINS = 12;
    /** About a millisecond: many calls, so that the method itself is compiled and not only the loop within. */
    private static final int ITERATIONS = 500_000;
    /** What small arrays are copied in one run at least, so that starting the threads does not count. */
    private static final long COPIED_BYTES = 64 << 20;
    private static final int FEWEST_RUNS = 7;
    private static final long MULTIPLYING_NANOS = 1_000_000_000;
    private static final long COPYING_NANOS = 150_000_000;

    private CpuPeak() {}

    /** FLOPs per nanosecond of {@code threads} threads. */
    static double gigaflops(int threads) {
        double flops = 2.0 * CHAINS * SPECIES.length() * ITERATIONS * threads;
        double[] sink = new double[threads];
        return flops / best(threads, MULTIPLYING_NANOS, thread -> sink[thread] = multiplyAndAdd(ITERATIONS));
    }

    /**
     * Bytes per nanosecond, read and written, when {@code threads} threads copy again and again.
     *
     * @param bytes of all sources and targets together: few stay in caches
     */
    static double gigabytes(int threads, long bytes) {
        int part = Math.toIntExact(bytes / (2L * Float.BYTES * threads));
        int copies = (int) Math.max(1, COPIED_BYTES / bytes);
        List<float[]> sources = new ArrayList<>();
        List<float[]> targets = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            sources.add(new float[part]);
            targets.add(new float[part]);
        }
        return 2.0 * Float.BYTES * part * threads * copies / best(threads, COPYING_NANOS, thread -> {
            for (int i = 0; i < copies; i++) {
                System.arraycopy(sources.get(thread), 0, targets.get(thread), 0, part);
            }
            return targets.get(thread)[part - 1];
        });
    }

    /** The shortest time in which all threads have done {@code body}, of as many runs as take {@code enough} nanoseconds. */
    private static double best(int threads, long enough, IntToDoubleFunction body) {
        double best = Double.POSITIVE_INFINITY;
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            long begin = System.nanoTime();
            for (int run = 0; run < FEWEST_RUNS || System.nanoTime() - begin < enough; run++) {
                best = Math.min(best, time(pool, threads, body));
            }
        }
        return best;
    }

    private static double time(ExecutorService pool, int threads, IntToDoubleFunction body) {
        CyclicBarrier start = new CyclicBarrier(threads);
        List<Future<long[]>> times = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int thread = i;
            times.add(pool.submit(() -> {
                start.await();
                long begin = System.nanoTime();
                body.applyAsDouble(thread);
                return new long[] {begin, System.nanoTime()};
            }));
        }
        long begin = Long.MAX_VALUE;
        long end = Long.MIN_VALUE;
        try {
            for (Future<long[]> time : times) {
                begin = Math.min(begin, time.get()[0]);
                end = Math.max(end, time.get()[1]);
            }
        } catch (InterruptedException | ExecutionException e) {
            throw new IllegalStateException(e);
        }
        return end - begin;
    }

    /**
     * The accumulator is the addend, which the instruction overwrites, and nothing else changes: as the multiplicand it
     * would cost a copy of the addend each time, and registers that are spilled (90 % of the rate on Zen 3).
     */
    private static double multiplyAndAdd(int iterations) {
        FloatVector a = FloatVector.broadcast(SPECIES, 0.5f);
        FloatVector b = FloatVector.broadcast(SPECIES, 1f / iterations);
        FloatVector c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a;
        FloatVector c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < iterations; i++) {
            c0 = a.fma(b, c0);
            c1 = a.fma(b, c1);
            c2 = a.fma(b, c2);
            c3 = a.fma(b, c3);
            c4 = a.fma(b, c4);
            c5 = a.fma(b, c5);
            c6 = a.fma(b, c6);
            c7 = a.fma(b, c7);
            c8 = a.fma(b, c8);
            c9 = a.fma(b, c9);
            c10 = a.fma(b, c10);
            c11 = a.fma(b, c11);
        }
        return c0.add(c1).add(c2).add(c3).add(c4).add(c5).add(c6).add(c7).add(c8).add(c9).add(c10).add(c11)
                .reduceLanes(VectorOperators.ADD);
    }
}
