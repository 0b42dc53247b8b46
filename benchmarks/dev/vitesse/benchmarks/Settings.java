// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.nio.file.Path;
import java.util.List;

/**
 * What to measure, and how.
 *
 * @param devices of the library, as {@link dev.vitesse.backend.Backends#open} takes them
 * @param found whether the devices were found rather than asked for: one that starts too slowly is then left out
 * @param presets whose kernels, inference and training are measured
 * @param batches of inference
 * @param yardstick the workloads that README compares with PyTorch, instead of those of presets
 * @param only parts of workloads' names, of which one must occur; empty for all
 * @param peers other libraries: {@code torch}, {@code djl}, {@code onnx}
 * @param python the interpreter that has them
 * @param threads on the CPU
 * @param quick few rounds and the main kernels
 * @param minutes that the run may take
 * @param forks processes for each workload and contender
 * @param rounds iterations of each fork
 * @param home folder of the checkout
 * @param flags that the library's processes are started with
 */
public record Settings(
        List<String> devices,
        boolean found,
        List<String> presets,
        List<Integer> batches,
        boolean yardstick,
        List<String> only,
        List<String> peers,
        String python,
        int threads,
        boolean quick,
        double minutes,
        int forks,
        int rounds,
        Path home,
        JvmFlags flags) {

    /** Fewer rounds than this have no 95 % interval. */
    public static final int FEWEST_ROUNDS = 6;

    /**
     * Flags of a JVM.
     *
     * @param plain for every device but TornadoVM's
     * @param tornado for those
     */
    public record JvmFlags(List<String> plain, List<String> tornado) {
        /** Those for {@code device}. */
        List<String> of(String device) {
            return device.startsWith("tornado") ? tornado : plain;
        }
    }

    public Settings {
        devices = List.copyOf(devices);
        presets = List.copyOf(presets);
        batches = List.copyOf(batches);
        only = List.copyOf(only);
        peers = List.copyOf(peers);
        require(batches.stream().allMatch(batch -> batch > 0) && !batches.isEmpty(), "every batch must be at least 1");
        require(threads > 0, "threads must be at least 1");
        require(minutes > 0, "minutes must be positive");
        require(forks > 0, "forks must be at least 1");
        require(rounds >= FEWEST_ROUNDS, "rounds must be at least " + FEWEST_ROUNDS
                + ": fewer have no 95 % interval");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
