// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.CaseTensors;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What {@link SanitizerTest} runs in a process of its own, whose only OpenCL device is Oclgrind's. Prints the name of
 * each kernel that it has run.
 */
final class SanitizedRun {
    private SanitizedRun() {}

    /**
     * @param args {@code cases} or {@code planted}
     */
    public static void main(String[] args) {
        OpenClDevice device = OpenClDevices.find().getFirst();
        if (!device.name().contains("Oclgrind")) {
            throw new IllegalStateException("the first OpenCL device is " + device.name());
        }
        if (args[0].equals("planted")) {
            planted(device);
            return;
        }
        // Few work-items, because each costs, with several rows and vectors for each, and several steps along K.
        Map<String, Integer> tiles = Map.of("TILE_M", 16, "TILE_N", 32, "TILE_K", 8, "WG_M", 4, "WG_N", 4, "RV", 4);
        Map<String, Integer> blocks = Map.of("BR", 16, "BC", 16, "WX", 2, "WY", 4, "CW", 4, "PAD", 1);
        Tuning tuning = Tuning.least().with("gemm.large", tiles).with("gemm.small", tiles).with("attention", blocks);
        cases(device, tuning, KernelCases.selected().stream().filter(SanitizedRun::isWorthItsTime).toList());
        // Tiles so narrow that K is split and the parts are added by a kernel of their own.
        Map<String, Integer> narrow = Map.of("TILE_M", 8, "TILE_N", 8, "TILE_K", 2, "WG_M", 4, "WG_N", 4, "RV", 2);
        Tuning splits = tuning.with("gemm.large", narrow).with("gemm.small", narrow);
        cases(device, splits, KernelCases.selected().stream().filter(c -> c.op().startsWith("linear")).toList());
    }

    /** Of attention, two blocks of rows and columns, and heads that vectors divide and that they do not, are enough. */
    private static boolean isWorthItsTime(KernelCase kernelCase) {
        return !kernelCase.op().startsWith("attention") || kernelCase.parameters().matches("b=1,t=17,h=2,a=(7|8|16),.*");
    }

    /** Runs the cheapest cases that between them run every kernel under every set of macros that any of them needs. */
    private static void cases(OpenClDevice device, Tuning tuning, List<KernelCase> cases) {
        try (OpenClBackend planning = OpenClBackend.open(device, tuning, Faults.NONE);
                OpenClBackend backend = OpenClBackend.open(device, tuning, Faults.NONE)) {
            Set<String> covered = new HashSet<>();
            cases.stream().sorted(Comparator.comparingLong(KernelCase::bytes)).forEach(kernelCase -> {
                Map<String, String> variants = variants(kernelCase, planning, tuning);
                if (covered.addAll(variants.keySet())) {
                    CaseRunner.checkOnce(kernelCase, backend);
                    variants.values().stream().distinct().forEach(System.out::println);
                }
            });
        }
    }

    /** The kernels that a case launches: names by name and macros. */
    private static Map<String, String> variants(KernelCase kernelCase, OpenClBackend backend, Tuning tuning) {
        Recording recording = new Recording(backend.runtime().device(), backend.runtime(), tuning);
        try (CaseTensors tensors = new CaseTensors(kernelCase, backend)) {
            kernelCase.call().schedule(new OpenClRecorder(recording), tensors.arguments());
        }
        return recording.launches().stream().collect(Collectors.toMap(
                launch -> launch.kernel() + launch.options(), Launch::kernel, (a, b) -> a, TreeMap::new));
    }

    private static void planted(OpenClDevice device) {
        int group = 16;
        try (OpenClBackend backend = OpenClBackend.open(device)) {
            for (String kernel : SanitizerTest.PLANTED.keySet()) {
                Tensor x = backend.tensor(kernel, group);
                x.write(new float[group]);
                Recording recording = new Recording(device, backend.runtime(), Tuning.least());
                recording.kernel("planted", kernel).define("GROUP", group).tensors(x).with(group).over(group, group + 1);
                try (Program program = new OpenClProgram(
                        backend.runtime(), backend.programs(), kernel, recording, closed -> {})) {
                    program.run();
                    x.toFloats();
                    System.out.println(kernel);
                }
            }
        }
    }
}
