// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import dev.vitesse.image.Image;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What {@link MemoryTest} runs in a process of its own: loads and calls a model, and prints how memory grew. */
final class MemoryRun {
    private static final int WARM_UP = 100;

    private MemoryRun() {}

    /** @param args device, model, number of loads, number of calls */
    public static void main(String[] args) throws Exception {
        Path path = Path.of(args[1]);
        VitModel.Options options = VitModel.Options.DEFAULTS.withDevice(args[0]).withThreads(2);
        load(path, options, WARM_UP);
        Usage before = Usage.now();
        load(path, options, Integer.parseInt(args[2]));
        System.out.println("loads " + Usage.now().minus(before));
        try (VitModel model = VitModel.load(path, options)) {
            call(model, 20 * WARM_UP);
            before = Usage.now();
            call(model, Integer.parseInt(args[3]));
            System.out.println("calls " + Usage.now().minus(before));
        }
    }

    private static void load(Path path, VitModel.Options options, int times) throws IOException {
        for (int i = 0; i < times; i++) {
            try (VitModel model = VitModel.load(path, options)) {
                model.logits(new float[model.config().imageElements()]);
            }
        }
    }

    /** Mostly logits, in batches of several sizes; now and then a look inside. */
    private static void call(VitModel model, int times) throws IOException {
        int elements = model.config().imageElements();
        Image image = new Image(20, 30, 1, new byte[600]);
        for (int i = 0; i < times; i++) {
            model.logits(new float[(1 + i % 3) * elements]);
            if (i % 50 == 0) {
                model.features(model.prepare(image));
                model.attention(model.prepare(image)).rollout();
            }
        }
    }

    /** In KiB; of the heap what is left after a collection. */
    private record Usage(long resident, long heap, int threads) {
        static Usage now() throws IOException {
            System.gc();
            Runtime runtime = Runtime.getRuntime();
            String status = Files.readString(Path.of("/proc/self/status"));
            long resident = Long.parseLong(status.replaceAll("(?s).*VmRSS:\\s*(\\d+) kB.*", "$1"));
            return new Usage(resident, (runtime.totalMemory() - runtime.freeMemory()) >> 10,
                    Thread.getAllStackTraces().size());
        }

        Usage minus(Usage other) {
            return new Usage(resident - other.resident, heap - other.heap, threads - other.threads);
        }

        @Override
        public String toString() {
            return resident + " " + heap + " " + threads;
        }
    }
}
