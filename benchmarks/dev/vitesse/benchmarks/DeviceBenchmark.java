// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * A workload on one of the library's devices, in a fork of JMH. Each sample is {@code repeats} runs, so many that reading
 * the clock and waiting for the device do not count, and one wait.
 *
 * <p>In a {@link Match} the fork waits for its turn before each iteration. Without one (JMH's own command line) it
 * measures at once and checks nothing.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
public class DeviceBenchmark {
    static final String PORT = "vitesse.bench.port";
    static final String CONTENDER = "vitesse.bench.contender";
    static final String THREADS = "vitesse.bench.threads";
    static final String FOLDER = "vitesse.bench.folder";

    /** A sample shorter than this would be about the clock and the wait. */
    private static final double SHORTEST_SAMPLE_NANOS = 200_000;

    /** Where no session says how long. */
    private static final double LONGEST_WARM_UP = 10;

    /** As {@link Backends#open} takes it. */
    @Param("cpu")
    public String device = "cpu";

    /** As {@link Workload#id} gives it. */
    @Param("inference ti/16 b=1")
    public String workload = "inference ti/16 b=1";

    private @Nullable Link link;
    private @Nullable Exchange exchange;
    private String contender = "";
    private Backend backend;
    private Job job;
    private int repeats = 1;

    /** Opens the device, computes once for the session to compare, and runs until it is warm. */
    @Setup(Level.Trial)
    public void open() {
        String port = System.getProperty(PORT);
        if (port == null) {
            prepare(name -> References.inputs(Workload.parse(workload)).get(name));
            warmUp(LONGEST_WARM_UP);
            return;
        }
        contender = System.getProperty(CONTENDER);
        exchange = new Exchange(Path.of(System.getProperty(FOLDER)));
        link = Link.to(Integer.parseInt(port));
        link.send(Link.message("hello").put("contender", contender));
        double longestWarmUp = link.await("prepare").path("warm_up_seconds").asDouble();
        try {
            ObjectNode ready = prepare(exchange::readInput);
            writeAnswer();
            WarmUp.Result warm = warmUp(longestWarmUp);
            link.send(ready.put("nanos", warm.nanos()).put("steady", warm.steady())
                    .put("warm_up_seconds", warm.seconds()).put("repeats", repeats));
        } catch (RuntimeException | OutOfMemoryError e) {
            link.send(Link.message("failed").put("reason", String.valueOf(e.getMessage())));
            throw e;
        }
    }

    private ObjectNode prepare(Job.Inputs inputs) {
        long start = System.nanoTime();
        int threads = Integer.getInteger(THREADS, 0);
        backend = Backends.open(device, BackendOptions.DEFAULTS.withThreads(threads));
        long opened = System.nanoTime();
        job = Job.of(Workload.parse(workload), backend, inputs);
        job.run();
        job.await();
        return Link.message("ready").put("device", backend.name()).put("open_nanos", opened - start)
                .put("first_run_nanos", System.nanoTime() - opened);
    }

    private void writeAnswer() {
        Exchange target = exchange;
        job.answer().forEach((name, bits) -> target.writeResult(contender, name, bits));
    }

    private WarmUp.Result warmUp(double longest) {
        WarmUp.Result warm = new WarmUp().run(() -> {
            job.run();
            job.await();
        }, longest);
        repeats = (int) Math.max(1, Math.ceil(SHORTEST_SAMPLE_NANOS / warm.nanos()));
        return warm;
    }

    /** Waits for this contender's turn. */
    @Setup(Level.Iteration)
    public void begin() {
        if (link != null) {
            link.await("go");
        }
    }

    @Benchmark
    public void run() {
        for (int i = 0; i < repeats; i++) {
            job.run();
        }
        job.await();
    }

    /** Gives the turn back. */
    @TearDown(Level.Iteration)
    public void end() {
        if (link != null) {
            ObjectNode done = Link.message("done").put("repeats", repeats);
            job.deviceNanos().ifPresent(nanos -> done.put("device_nanos", nanos));
            link.send(done);
        }
    }

    /** Computes once more for the session to compare. */
    @TearDown(Level.Trial)
    public void close() {
        if (link != null) {
            link.await("end");
            writeAnswer();
            link.send("bye");
            link.close();
        }
        job.close();
        backend.close();
    }
}
