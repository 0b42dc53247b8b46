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
    /** Far beyond all caches, in floats, for all threads together. */
    private static final int COPIED = 32 << 20;
    private static final int FEWEST_RUNS = 7;
    private static final long ENOUGH_NANOS = 1_000_000_000;

    private CpuPeak() {}

    /** FLOPs per nanosecond of {@code threads} threads. */
    static double gigaflops(int threads) {
        double flops = 2.0 * CHAINS * SPECIES.length() * ITERATIONS * threads;
        double[] sink = new double[threads];
        return flops / best(threads, thread -> sink[thread] = multiplyAndAdd(ITERATIONS));
    }

    /** Bytes per nanosecond, read and written, when {@code threads} threads copy. */
    static double gigabytes(int threads) {
        int part = COPIED / threads;
        List<float[]> sources = new ArrayList<>();
        List<float[]> targets = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            sources.add(new float[part]);
            targets.add(new float[part]);
        }
        return 2.0 * Float.BYTES * part * threads / best(threads, thread -> {
            System.arraycopy(sources.get(thread), 0, targets.get(thread), 0, part);
            return targets.get(thread)[part - 1];
        });
    }

    /** The shortest time in which all threads have done {@code body}. */
    private static double best(int threads, IntToDoubleFunction body) {
        double best = Double.POSITIVE_INFINITY;
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            long begin = System.nanoTime();
            for (int run = 0; run < FEWEST_RUNS || System.nanoTime() - begin < ENOUGH_NANOS; run++) {
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

    private static double multiplyAndAdd(int iterations) {
        FloatVector a = FloatVector.broadcast(SPECIES, 0.5f + 1f / iterations);
        FloatVector b = FloatVector.broadcast(SPECIES, 1f / iterations);
        FloatVector c0 = a, c1 = a, c2 = a, c3 = a, c4 = a, c5 = a;
        FloatVector c6 = b, c7 = b, c8 = b, c9 = b, c10 = b, c11 = b;
        for (int i = 0; i < iterations; i++) {
            c0 = c0.fma(a, b);
            c1 = c1.fma(a, b);
            c2 = c2.fma(a, b);
            c3 = c3.fma(a, b);
            c4 = c4.fma(a, b);
            c5 = c5.fma(a, b);
            c6 = c6.fma(a, b);
            c7 = c7.fma(a, b);
            c8 = c8.fma(a, b);
            c9 = c9.fma(a, b);
            c10 = c10.fma(a, b);
            c11 = c11.fma(a, b);
        }
        return c0.add(c1).add(c2).add(c3).add(c4).add(c5).add(c6).add(c7).add(c8).add(c9).add(c10).add(c11)
                .reduceLanes(VectorOperators.ADD);
    }
}
