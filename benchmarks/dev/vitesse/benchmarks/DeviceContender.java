// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.results.BenchmarkResult;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.format.OutputFormatFactory;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/**
 * A device of the library, measured by JMH: one fork for each match.
 *
 * @param name the device, as {@link dev.vitesse.backend.Backends#open} takes it
 * @param threads of devices that compute on the CPU; 0 for every processor
 * @param jvmFlags that the fork is started with
 * @param results told of what JMH measured, in its own form
 */
record DeviceContender(String name, int threads, List<String> jvmFlags, Consumer<Collection<RunResult>> results)
        implements Contender {

    @Override
    public boolean isPeer() {
        return false;
    }

    @Override
    public String refusal(Workload workload) {
        return "";
    }

    @Override
    public Entrant enter(Workload workload, Exchange exchange, Pace pace, Reception reception) {
        List<String> flags = new ArrayList<>(jvmFlags);
        flags.add("-D" + DeviceBenchmark.PORT + "=" + reception.port());
        flags.add("-D" + DeviceBenchmark.CONTENDER + "=" + name);
        flags.add("-D" + DeviceBenchmark.THREADS + "=" + threads);
        flags.add("-D" + DeviceBenchmark.FOLDER + "=" + exchange.folder());
        Options options = new OptionsBuilder()
                .include("^" + DeviceBenchmark.class.getName().replace(".", "\\.") + "\\.run$")
                .param("device", name)
                .param("workload", workload.id())
                .forks(1)
                .warmupIterations(pace.warmups())
                .warmupTime(millis(pace.seconds()))
                .measurementIterations(pace.rounds())
                .measurementTime(millis(pace.seconds()))
                .jvmArgs(flags.toArray(String[]::new))
                .shouldFailOnError(true)
                .build();
        return new Fork(options, results);
    }

    private static TimeValue millis(double seconds) {
        return TimeValue.milliseconds(Math.max(1, Math.round(seconds * 1000)));
    }

    @Override
    public void close() {
        // A fork ends with its match.
    }

    /** A run of JMH on a thread of its own, because it returns only when its fork has ended. */
    private static final class Fork implements Entrant {
        private final Thread thread;
        private final ByteArrayOutputStream log = new ByteArrayOutputStream();
        private final Consumer<Collection<RunResult>> results;
        private volatile @Nullable Collection<RunResult> result;
        private final List<Integer> repeats = new ArrayList<>();

        Fork(Options options, Consumer<Collection<RunResult>> results) {
            this.results = results;
            thread = Thread.ofPlatform().daemon().name("jmh").start(() -> run(options));
        }

        private void run(Options options) {
            PrintStream stream = new PrintStream(log, true, StandardCharsets.UTF_8);
            try {
                result = new Runner(options, OutputFormatFactory.createFormatInstance(stream, VerboseMode.NORMAL)).run();
            } catch (RunnerException | RuntimeException e) {
                stream.println(e);
            }
        }

        @Override
        public boolean hasEnded() {
            return !thread.isAlive();
        }

        @Override
        public void iterationDone(ObjectNode message) {
            repeats.add(message.path("repeats").asInt(1));
        }

        @Override
        public List<double[]> samples() {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            Collection<RunResult> runs = result;
            List<double[]> samples = new ArrayList<>();
            if (runs != null) {
                results.accept(runs);
                for (RunResult run : runs) {
                    for (BenchmarkResult fork : run.getBenchmarkResults()) {
                        fork.getIterationResults().forEach(iteration -> samples.add(values(iteration, repeats)));
                    }
                }
            }
            return samples;
        }

        private static double[] values(IterationResult iteration, List<Integer> repeats) {
            List<Double> values = new ArrayList<>();
            int runsPerSample = repeats.isEmpty() ? 1 : repeats.getFirst();
            Iterator<Map.Entry<Double, Long>> raw = iteration.getPrimaryResult().getStatistics().getRawData();
            while (raw.hasNext()) {
                Map.Entry<Double, Long> entry = raw.next();
                for (long i = 0; i < entry.getValue(); i++) {
                    values.add(entry.getKey() / runsPerSample);
                }
            }
            return values.stream().mapToDouble(Double::doubleValue).toArray();
        }

        @Override
        public String log() {
            return log.toString(StandardCharsets.UTF_8);
        }

        @Override
        public boolean stays() {
            return false;
        }

        @Override
        public void stop() {
            thread.interrupt();
        }
    }
}
