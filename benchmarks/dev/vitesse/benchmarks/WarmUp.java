// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.function.LongSupplier;

/**
 * Runs work until it is warm: what the JVM, a driver or a library compiles, chooses and allocates in the first runs is over.
 * That is so when in {@value #STEADY_WINDOWS} windows one after the other no run was faster by more than a share of
 * {@value #GAIN} than all before them, and the JVM compiled for less than {@value #COMPILING} of the time. Runs that become slower do not count:
 * other programs are no reason to go on. {@code torch_peer.py} has the same rule.
 */
final class WarmUp {
    static final int STEADY_WINDOWS = 10;
    static final double GAIN = 0.05;
    static final double COMPILING = 0.1;

    /** One run that takes longer is a window too. */
    private static final long WINDOW_NANOS = 100_000_000;
    private static final int FEWEST_WINDOWS = 2;

    private final LongSupplier clock;
    private final LongSupplier compiled;

    /** Something to be measured. */
    interface Work<E extends Exception> {
        /** Runs once and waits for the end. */
        void run() throws E;
    }

    /**
     * What warming up found.
     *
     * @param steady whether the work became steady, rather than the time being over
     * @param nanos of the fastest run
     * @param seconds that it took
     */
    record Result(boolean steady, double nanos, double seconds) {}

    WarmUp() {
        this(System::nanoTime, WarmUp::compilingNanos);
    }

    /**
     * @param clock nanoseconds
     * @param compiled nanoseconds for which the JVM has compiled until now
     */
    WarmUp(LongSupplier clock, LongSupplier compiled) {
        this.clock = clock;
        this.compiled = compiled;
    }

    private static long compilingNanos() {
        CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
        return compiler == null || !compiler.isCompilationTimeMonitoringSupported()
                ? 0 : 1_000_000 * compiler.getTotalCompilationTime();
    }

    /** Runs {@code work} until it is steady, for {@code mostSeconds} at most, but at least for two windows. */
    <E extends Exception> Result run(Work<E> work, double mostSeconds) throws E {
        long begin = clock.getAsLong();
        double fastest = Double.POSITIVE_INFINITY;
        double fastestBefore = Double.POSITIVE_INFINITY;
        int steady = 0;
        for (int windows = 1; ; windows++) {
            long start = clock.getAsLong();
            long compiledBefore = compiled.getAsLong();
            double fastestHere = window(work, start);
            long now = clock.getAsLong();
            boolean compiles = compiled.getAsLong() - compiledBefore >= COMPILING * (now - start);
            boolean gains = fastestHere < (1 - GAIN) * fastestBefore;
            fastest = Math.min(fastest, fastestHere);
            steady = compiles || gains ? 0 : steady + 1;
            // Small gains add up.
            fastestBefore = steady == 0 ? fastest : fastestBefore;
            double seconds = (now - begin) / 1e9;
            if (steady == STEADY_WINDOWS || seconds >= mostSeconds && windows >= FEWEST_WINDOWS) {
                // Of runs that are long, the time allows for few.
                return new Result(steady > 0, fastest, seconds);
            }
        }
    }

    /** The time of the fastest run of a window. */
    private <E extends Exception> double window(Work<E> work, long start) throws E {
        double fastest = Double.POSITIVE_INFINITY;
        long last = start;
        do {
            work.run();
            long now = clock.getAsLong();
            fastest = Math.min(fastest, now - last);
            last = now;
        } while (last - start < WINDOW_NANOS);
        return fastest;
    }
}
