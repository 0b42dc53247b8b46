// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Another library, in a process that goes on from match to match because it starts slowly. */
final class PeerContender implements Contender {
    private static final String TORCH = "torch";

    /** What PyTorch may be asked for beside inference and training; the others are asked for inference alone. */
    private static final Set<String> OPERATIONS = Set.of("linear", "linearBackwardInput", "linearBackwardWeight",
            "layerNorm", "layerNormBackward", "attention", "attentionBackward", "patchEmbedding", "crossEntropy", "adam");

    private static final int LOG_LINES = 5;

    private final String name;
    private final List<String> command;
    private @Nullable Path log;
    private @Nullable Process process;

    /**
     * @param name unique in the session
     * @param command that starts the process; {@code --port N --name NAME} are added
     */
    PeerContender(String name, List<String> command) {
        this.name = name;
        this.command = List.copyOf(command);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public boolean isPeer() {
        return true;
    }

    @Override
    public String refusal(Workload workload) {
        if (name.equals(TORCH)) {
            return workload.kernelCase() == null || OPERATIONS.contains(workload.op())
                    ? "" : "PyTorch has no one operator for it";
        }
        boolean known =
                workload.kind() == Workload.Kind.INFERENCE && workload.config().position() == VitConfig.Position.LEARNED;
        return known ? "" : name + " is asked for inference only, of models with learned positions";
    }

    @Override
    public Entrant enter(Workload workload, Exchange exchange, Pace pace, Reception reception) {
        if (process == null || !process.isAlive()) {
            List<String> full = new ArrayList<>(command);
            full.addAll(List.of("--port", String.valueOf(reception.port()), "--name", name));
            try {
                log = Files.createTempFile("vitesse-peer-" + name, ".log");
                process = new ProcessBuilder(full).redirectErrorStream(true).redirectOutput(log.toFile()).start();
            } catch (IOException e) {
                throw new DeviceException("peer " + name + " cannot be started (" + e.getMessage()
                        + "); say with --python which interpreter has its library", e);
            }
        }
        return new Participation(process);
    }

    private String lastLines() {
        if (log == null) {
            return "";
        }
        try {
            List<String> lines = Files.readAllLines(log);
            return String.join(" | ", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size()));
        } catch (IOException e) {
            return "";
        }
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroy();
        }
        try {
            if (log != null) {
                Files.deleteIfExists(log);
            }
        } catch (IOException e) {
            // Left to the system's cleaning of temporary files.
        }
    }

    private final class Participation implements Entrant {
        private final Process process;
        private final List<double[]> samples = new ArrayList<>();

        Participation(Process process) {
            this.process = process;
        }

        @Override
        public boolean hasEnded() {
            return !process.isAlive();
        }

        @Override
        public void iterationDone(ObjectNode message) {
            List<Double> nanos = new ArrayList<>();
            for (JsonNode value : message.path("nanos")) {
                nanos.add(value.asDouble());
            }
            samples.add(nanos.stream().mapToDouble(Double::doubleValue).toArray());
        }

        @Override
        public List<double[]> samples() {
            return samples;
        }

        @Override
        public String log() {
            return lastLines();
        }

        @Override
        public boolean stays() {
            return true;
        }

        @Override
        public void stop() {
            process.destroy();
        }
    }
}
