// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiConsumer;

/**
 * A process that classifies batches of one size and then of others that it has never seen: what a size's first run takes,
 * its recording included, against its later ones.
 */
final class NewBatchSizes {
    private static final String PRESET = "ti/16";
    /** Before others; the JVM has compiled what it needs then. */
    private static final int FIRST_SIZE = 1;
    private static final int WARM_UPS = 20;
    private static final int[] SIZES = {8, 3, 5, 16, 2, 13, 32};
    private static final int RUNS = 5;

    private NewBatchSizes() {}

    /**
     * Starts the process.
     *
     * @param jvmFlags it needs
     * @param ratio told each size, and by how much its first run was slower than the median of the later ones
     */
    static void inNewProcess(List<String> jvmFlags, int threads, BiConsumer<Integer, Double> ratio) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmFlags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), NewBatchSizes.class.getName(),
                String.valueOf(threads)));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        try (BufferedReader reader = process.inputReader()) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                if (line.startsWith("{")) {
                    JsonNode size = new ObjectMapper().readTree(line);
                    ratio.accept(size.path("batch").asInt(),
                            size.path("first_nanos").asDouble() / size.path("later_nanos").asDouble());
                }
            }
        } finally {
            process.destroy();
        }
    }

    /** @param args threads */
    public static void main(String[] args) {
        VitConfig config = VitConfig.preset(PRESET);
        try (Backend backend =
                        Backends.open("cpu", BackendOptions.DEFAULTS.withThreads(Integer.parseInt(args[0])));
                VisionTransformer model = VisionTransformer.create(config, backend, 1)) {
            runs(model, FIRST_SIZE, WARM_UPS);
            for (int batch : SIZES) {
                double[] nanos = runs(model, batch, 1 + RUNS);
                double[] later = new double[RUNS];
                System.arraycopy(nanos, 1, later, 0, RUNS);
                System.out.println(Link.message("size").put("batch", batch).put("first_nanos", nanos[0])
                        .put("later_nanos", Statistics.median(later)));
            }
        }
    }

    private static double[] runs(VisionTransformer model, int batch, int runs) {
        float[] images = ModelData.images(model.config(), batch);
        double[] nanos = new double[runs];
        long start = System.nanoTime();
        try (Inference inference = model.inference(batch)) {
            for (int i = 0; i < runs; i++) {
                inference.logits(images, batch);
                long end = System.nanoTime();
                nanos[i] = end - start;
                start = end;
            }
        }
        return nanos;
    }
}
