// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.opencl.OpenClPeak;
import dev.vitesse.tornado.TornadoAccess;
import java.util.OptionalLong;

/**
 * A process that starts, classifies one image on a device, says so, and then, if asked, measures the device's peaks. The
 * session measures from outside how long it takes from the process's start to the answer.
 */
final class DeviceProbe {
    static final String PEAKS = "peaks";

    /** Bytes read and written by copies, up to far beyond caches, which is little memory for any device. */
    private static final long[] COPIED = {1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26, 1 << 28};

    /** A copy that is shorter is run several times before the device is waited for. */
    private static final long WORTH_WAITING_BYTES = 1 << 26;

    /** 64 MiB. */
    private static final int TRANSFERRED = 16 << 20;
    private static final int RUNS = 7;

    private DeviceProbe() {}

    /** @param args device, preset, threads, and {@link #PEAKS} if those are wanted */
    public static void main(String[] args) {
        String device = args[0];
        VitConfig config = VitConfig.preset(args[1]);
        int threads = Integer.parseInt(args[2]);
        long start = System.nanoTime();
        try (Backend backend = Backends.open(device, BackendOptions.DEFAULTS.withThreads(threads))) {
            long opened = System.nanoTime();
            answer(backend, config, start, opened);
            if (args.length > 3 && args[3].equals(PEAKS)) {
                peaks(backend, device, threads);
            }
        }
    }

    private static void answer(Backend backend, VitConfig config, long start, long opened) {
        float[] image = ModelData.images(config, 1);
        // Weights of zero, because reading or drawing others takes time that is not the device's.
        try (VisionTransformer model = new VisionTransformer(config, backend);
                Inference inference = model.inference(1)) {
            long recorded = System.nanoTime();
            inference.logits(image, 1);
            long first = System.nanoTime();
            say(Link.message("answer").put("device", backend.name()).put("open_nanos", opened - start)
                    .put("record_nanos", recorded - opened).put("first_run_nanos", first - recorded));
            inference.logits(image, 1);
            say(Link.message("again").put("second_run_nanos", System.nanoTime() - first));
        }
    }

    private static void peaks(Backend backend, String device, int threads) {
        ObjectNode peaks = Link.message(PEAKS);
        boolean cpu = device.equals("cpu");
        String selector = device.contains(":") ? device.substring(device.indexOf(':') + 1) : "";
        if (cpu) {
            peaks.put("gigaflops", CpuPeak.gigaflops(threads));
        } else if (device.startsWith("opencl")) {
            peaks.put("gigaflops", OpenClPeak.gigaflops(selector));
        } else if (device.startsWith("tornado")) {
            peaks.put("gigaflops", TornadoAccess.load().gigaflops(selector));
        }
        ArrayNode copies = peaks.putArray("copies");
        for (long bytes : COPIED) {
            copies.addObject().put("bytes", bytes)
                    .put("gigabytes", cpu ? CpuPeak.gigabytes(threads, bytes) : gigabytes(backend, bytes));
        }
        transfers(peaks, backend);
        say(peaks);
    }

    /** Bytes per nanosecond when a kernel copies, of {@code bytes} read and written. */
    private static double gigabytes(Backend backend, long bytes) {
        int elements = Math.toIntExact(bytes / (2 * Float.BYTES));
        int copies = (int) Math.max(1, WORTH_WAITING_BYTES / bytes);
        try (Tensor from = backend.tensor("from", 1, elements);
                Tensor to = backend.tensor("to", 1, elements);
                Program copy = backend.record("copy", k -> k.residualAdd(to, from, null, null, Dropout.NONE, null))) {
            Tensor probe = to.reshape(elements).rows(0, 1);
            float[] one = new float[1];
            double best = Double.POSITIVE_INFINITY;
            for (int i = 0; i < RUNS; i++) {
                long start = System.nanoTime();
                for (int j = 1; j < copies; j++) {
                    copy.run();
                }
                OptionalLong device = copy.runTimed();
                probe.read(one);
                best = Math.min(best, device.orElse((System.nanoTime() - start) / copies));
            }
            return bytes / best;
        }
    }

    private static void transfers(ObjectNode peaks, Backend backend) {
        float[] host = new float[TRANSFERRED];
        double bytes = (double) Float.BYTES * TRANSFERRED;
        try (Tensor tensor = backend.tensor("transferred", TRANSFERRED)) {
            double upload = Double.POSITIVE_INFINITY;
            double download = Double.POSITIVE_INFINITY;
            for (int i = 0; i < RUNS; i++) {
                long start = System.nanoTime();
                tensor.write(host);
                long written = System.nanoTime();
                tensor.read(host);
                upload = Math.min(upload, written - start);
                download = Math.min(download, System.nanoTime() - written);
            }
            peaks.put("upload_gigabytes", bytes / upload).put("download_gigabytes", bytes / download);
        }
    }

    private static void say(ObjectNode message) {
        System.out.println(message);
        System.out.flush();
    }
}
