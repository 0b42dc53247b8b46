// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Program;
import dev.vitesse.kernels.CaseTensors;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.opencl.Oclgrind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * The OpenCL C that TornadoVM generates for every kernel, of CPUs and of GPUs, under {@link Oclgrind}: PoCL, on which the
 * other tests run, gives wrong code the right results where a GPU would not. Oclgrind is no device that TornadoVM takes; so
 * TornadoVM only compiles the kernels, on its own device, and another process launches them as their backend would.
 */
class TornadoSanitizerTest {
    @TempDir
    private Path folder;

    /** Takes minutes. */
    @Test
    @Tag("slow")
    @Timeout(1800)
    void findsNothingInAnyKernel() throws IOException, InterruptedException {
        Oclgrind oclgrind = Oclgrind.find(folder);
        int units = target().computeUnits();
        TreeSet<String> kernels = new TreeSet<>();
        for (boolean merged : new boolean[] {true, false}) {
            SanitizedCases cases = new SanitizedCases(units, merged);
            try (TornadoBackend backend = open(merged)) {
                List<Program> programs = new ArrayList<>();
                for (KernelCase kernelCase : cases.cases()) {
                    CaseTensors tensors = new CaseTensors(kernelCase, backend);
                    programs.add(backend.record(
                            kernelCase.name(), k -> kernelCase.call().schedule(k, tensors.arguments())));
                }
                kernels.addAll(compile(backend, cases, programs));
            }
        }
        List<String> ran = oclgrind.run(
                SanitizedReplay.class.getName(), "cases", folder.toString(), Integer.toString(units));
        System.out.printf("Oclgrind found %s in %d kernels that TornadoVM generated%n",
                oclgrind.log().isEmpty() ? "nothing" : "mistakes", ran.size());
        assertThat(oclgrind.log()).isEmpty();
        assertThat(new TreeSet<>(ran)).isEqualTo(kernels);
    }

    @Test
    @Timeout(120)
    void findsPlantedMistakes() throws IOException, InterruptedException {
        Oclgrind oclgrind = Oclgrind.find(folder);
        SanitizedCases cases = new SanitizedCases(1, false);
        try (TornadoBackend backend = open(false)) {
            compile(backend, cases, List.of(PlantedKernels.record(backend)));
        }
        oclgrind.run(SanitizedReplay.class.getName(), "planted", folder.toString(), "1");
        List<String> reports = List.of(oclgrind.log().split("\n\n+"));
        PlantedKernels.REPORTS.forEach((kernel, text) -> assertThat(reports)
                .as("reports").anySatisfy(report -> assertThat(report).contains("Kernel: " + kernel).contains(text)));
    }

    private static TornadoBackend open(boolean merged) {
        return TornadoBackend.open(target(), "tornado", BackendOptions.DEFAULTS, TornadoVariant.portable(merged));
    }

    private static TornadoTarget target() {
        try (TornadoBackend backend = (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS)) {
            TornadoTarget target = backend.target();
            Assumptions.assumeTrue(target.language() == TornadoVMBackendType.OPENCL, "the device has no OpenCL driver");
            return target;
        }
    }

    /** Writes the kernels' files; returns their folder and names. */
    private TreeSet<String> compile(TornadoBackend backend, SanitizedCases cases, List<Program> programs)
            throws IOException {
        programs.forEach(Program::run);
        TreeSet<String> names = new TreeSet<>();
        Path files = Files.createDirectories(folder.resolve(cases.folder()));
        for (Map.Entry<String, String> source : backend.kernelSources().entrySet()) {
            Files.writeString(files.resolve(source.getKey()), source.getValue());
            names.add(cases.folder() + "/" + source.getKey().replace(".cl", ""));
        }
        return names;
    }
}
