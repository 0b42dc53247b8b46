// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.List;

/**
 * What to measure, and how.
 *
 * @param devices of the library, as {@link dev.vitesse.backend.Backends#open} takes them
 * @param presets whose kernels, inference and training are measured
 * @param batches of inference
 * @param yardstick the workloads that README compares with PyTorch, instead of those of presets
 * @param only parts of workloads' names, of which one must occur; empty for all
 * @param peers other libraries: {@code torch}
 * @param python the interpreter that has them
 * @param threads on the CPU, 0 for every processor
 * @param quick few rounds and the main kernels
 * @param minutes that the run may take
 * @param forks processes for each workload and contender
 * @param rounds iterations of each fork
 * @param jvmFlags that the library's processes are started with
 */
public record Settings(
        List<String> devices,
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
        List<String> jvmFlags) {

    /** Fewer rounds than this have no 95 % interval. */
    public static final int FEWEST_ROUNDS = 6;

    public Settings {
        devices = List.copyOf(devices);
        presets = List.copyOf(presets);
        batches = List.copyOf(batches);
        only = List.copyOf(only);
        peers = List.copyOf(peers);
        jvmFlags = List.copyOf(jvmFlags);
    }
}
