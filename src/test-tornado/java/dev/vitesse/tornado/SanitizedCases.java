// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.kernels.CaseTensors;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import dev.vitesse.kernels.LinearCase;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The cases that {@link TornadoSanitizerTest} runs: few enough for Oclgrind, and every kernel of every operation.
 *
 * @param merged whether the kernels are those of a CPU
 */
record SanitizedCases(boolean merged) {
    /** Of the device that the kernels are recorded for: with fewer of them grids are smaller, kernels the same. */
    static final int COMPUTE_UNITS = 1;

    static final String MERGED = "merged";
    static final String SEPARATE = "separate";

    /** Bytes of operands from which on a case is not all edge: products have several steps. */
    private static final long ENOUGH = 4 << 10;

    /** Where the files of these kernels are. */
    String folder() {
        return merged ? "merged" : "separate";
    }

    /** @param form {@link #MERGED} for the kernels of a CPU, or {@link #SEPARATE} */
    static SanitizedCases of(String form) {
        return new SanitizedCases(form.equals(MERGED));
    }

    /** The operations that {@link #cases} have. */
    List<String> operations() {
        return cases().stream().map(KernelCase::op).distinct().sorted().toList();
    }

    /** The cases of one operation. */
    List<KernelCase> cases(String operation) {
        return cases().stream().filter(kernelCase -> kernelCase.op().equals(operation)).toList();
    }

    /** For every operation and every kernel that one of its cases launches, one that does. */
    private List<KernelCase> cases() {
        List<KernelCase> all = all();
        DeviceMemory memory = new DeviceMemory("planning", Integer.MAX_VALUE);
        Set<String> covered = new HashSet<>();
        if (!merged) {
            // Kernels that are never merged are the same in both, and are run once.
            SanitizedCases others = new SanitizedCases(true);
            all.forEach(kernelCase -> covered.addAll(others.launches(kernelCase, memory)));
        }
        List<KernelCase> chosen = new ArrayList<>();
        for (KernelCase kernelCase : all) {
            if (covered.addAll(launches(kernelCase, memory))) {
                chosen.add(kernelCase);
            }
        }
        // Attention over more than one block of keys, once for each form.
        String blocks = merged ? "b=1,t=65" : "b=1,t=33";
        all.stream().filter(c -> c.op().equals("attention") && c.parameters().startsWith(blocks)).findFirst()
                .ifPresent(chosen::add);
        return chosen;
    }

    /** The cheapest that are not all edge first. */
    private static List<KernelCase> all() {
        List<KernelCase> all = new ArrayList<>(KernelCases.all());
        all.removeIf(kernelCase -> kernelCase.parameters().startsWith("grid")); // many tiles with next to nothing in them
        // Products that are split along K, with each epilogue; the table has none so small.
        all.addAll(new LinearCase(1, 8, 128, 4, false).epilogues());
        all.add(new LinearCase(1, 8, 4, 128, false).backwardInput());
        all.add(new LinearCase(1, 128, 8, 4, false).backwardWeight(true));
        all.sort(Comparator.comparing((KernelCase c) -> c.bytes() < ENOUGH).thenComparing(KernelCase::flops));
        return all;
    }

    /** The operation with each of the kernels that it launches. */
    private Set<String> launches(KernelCase kernelCase, DeviceMemory memory) {
        Recording recording = recording(memory);
        try (PlanningBackend backend = new PlanningBackend(memory);
                CaseTensors tensors = new CaseTensors(kernelCase, backend)) {
            kernelCase.call().schedule(new TaskRecorder(recording), tensors.arguments());
            recording.finish();
            recording.release();
        }
        Set<String> names = new TreeSet<>();
        recording.launches().forEach(launch -> names.add(kernelCase.op() + " " + launch.kernel().name()));
        return names;
    }

    Recording recording(DeviceMemory memory) {
        return new Recording(memory, COMPUTE_UNITS, TornadoVariant.portable(merged));
    }
}
