// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;

/**
 * The process of a peer that has a Java interface: PyTorch through DJL, or ONNX Runtime. It talks as {@code
 * torch_peer.py} does.
 */
final class JvmPeer {
    private static final double SHORTEST_SAMPLE_NANOS = 200_000;

    /** Another library. */
    interface Library extends AutoCloseable {
        /** Its name and version. */
        String description();

        /** The workload that a message of the session describes, ready to run. */
        Call prepare(ObjectNode message) throws Exception;

        @Override
        void close();
    }

    /** A prepared workload. */
    interface Call extends AutoCloseable {
        /** Runs once; the results are on the heap afterwards. */
        Map<String, float[]> run() throws Exception;

        @Override
        void close() throws Exception;
    }

    private JvmPeer() {}

    /** @param args which library, then options with a value each: --port, --name, --threads */
    public static void main(String[] args) throws Exception {
        String name = option(args, "--name");
        int threads = Integer.parseInt(option(args, "--threads"));
        try (Library library = args[0].equals("djl") ? new DjlLibrary(threads) : new OnnxLibrary(threads);
                Link link = Link.to(Integer.parseInt(option(args, "--port")))) {
            link.send(Link.message("hello").put("contender", name));
            serve(link, library, name);
        }
    }

    private static String option(String[] args, String option) {
        for (int i = 1; i < args.length - 1; i += 2) {
            if (args[i].equals(option)) {
                return args[i + 1];
            }
        }
        throw new IllegalArgumentException(option + " is missing");
    }

    private static void serve(Link link, Library library, String name) throws Exception {
        Call call = null;
        Exchange exchange = null;
        long repeats = 1;
        while (true) {
            ObjectNode message;
            try {
                message = link.receive(Duration.ZERO);
            } catch (Link.BrokenException e) {
                return; // the session is over
            }
            try {
                switch (message.path("say").asText()) {
                    case "prepare" -> {
                        if (call != null) {
                            call.close();
                        }
                        exchange = new Exchange(Path.of(message.path("folder").asText()));
                        call = library.prepare(message);
                        writeResults(exchange, name, call);
                        WarmUp.Result warm = new WarmUp().run(call::run, message.path("warm_up_seconds").asDouble());
                        repeats = (long) Math.max(1, Math.ceil(SHORTEST_SAMPLE_NANOS / warm.nanos()));
                        link.send(Link.message("ready").put("device", library.description())
                                .put("nanos", warm.nanos()).put("steady", warm.steady())
                                .put("warm_up_seconds", warm.seconds()));
                    }
                    case "go" -> link.send(measure(call, repeats, message.path("seconds").asDouble()));
                    default -> {
                        writeResults(exchange, name, call);
                        link.send("bye");
                    }
                }
            } catch (Exception | LinkageError e) {
                link.send(Link.message("failed").put("reason", String.valueOf(e.getMessage())));
            }
        }
    }

    private static void writeResults(Exchange exchange, String name, Call call) throws Exception {
        call.run().forEach((result, values) -> exchange.writeResult(name, result, Job.bits(values)));
    }

    private static ObjectNode measure(Call call, long repeats, double seconds) throws Exception {
        ObjectNode done = Link.message("done");
        ArrayNode nanos = done.putArray("nanos");
        long end = System.nanoTime() + (long) (seconds * 1e9);
        do {
            long start = System.nanoTime();
            for (long i = 0; i < repeats; i++) {
                call.run();
            }
            nanos.add((System.nanoTime() - start) / (double) repeats);
        } while (System.nanoTime() < end);
        return done;
    }
}
