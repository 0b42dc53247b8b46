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
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * The OpenCL C that TornadoVM generates for every kernel, of CPUs and of GPUs, under {@link Oclgrind}: PoCL, on which the
 * other tests run, gives wrong code the right results where a GPU would not. Oclgrind is no device that TornadoVM takes; so
 * TornadoVM only compiles the kernels, on its own device, and another process launches them as their backend would.
 */
class TornadoSanitizerTest {
    @TempDir
    private Path folder;

    /** Some take minutes, all together most of an hour: how long one may depends on what else the machine does. */
    @ParameterizedTest(name = "{0}, {1} kernels")
    @MethodSource("operations")
    @Tag("slow")
    @Timeout(3600)
    void findsNothingInTheKernelsOf(String operation, String form) throws IOException, InterruptedException {
        Oclgrind oclgrind = Oclgrind.find(folder);
        SanitizedCases cases = SanitizedCases.of(form);
        Set<String> kernels;
        try (TornadoBackend backend = open(cases)) {
            List<Program> programs = new ArrayList<>();
            for (KernelCase kernelCase : cases.cases(operation)) {
                CaseTensors tensors = new CaseTensors(kernelCase, backend);
                programs.add(
                        backend.record(kernelCase.name(), k -> kernelCase.call().schedule(k, tensors.arguments())));
            }
            kernels = compile(backend, programs);
        }
        List<String> ran = oclgrind.run(SanitizedReplay.class.getName(), folder.toString(), form, operation);
        System.out.printf("Oclgrind found %s in %s of %s: %s%n", oclgrind.log().isEmpty() ? "nothing" : "mistakes",
                form + " kernels", operation, String.join(" ", ran));
        assertThat(oclgrind.log()).isEmpty();
        assertThat(new TreeSet<>(ran)).isEqualTo(kernels);
    }

    /**
     * Each operation with the kernels of a CPU, and with those of a GPU that differ; of them those whose display name has
     * the text of {@code -Dvitesse.case}.
     */
    static Stream<Arguments> operations() {
        String wanted = System.getProperty("vitesse.case", "");
        return Stream.of(SanitizedCases.MERGED, SanitizedCases.SEPARATE)
                .flatMap(form -> SanitizedCases.of(form).operations().stream()
                        .filter(operation -> (operation + ", " + form).contains(wanted))
                        .map(operation -> Arguments.of(operation, form)));
    }

    @Test
    @Timeout(120)
    void findsPlantedMistakes() throws IOException, InterruptedException {
        Oclgrind oclgrind = Oclgrind.find(folder);
        try (TornadoBackend backend = open(SanitizedCases.of(SanitizedCases.SEPARATE))) {
            compile(backend, List.of(PlantedKernels.record(backend)));
        }
        oclgrind.run(SanitizedReplay.class.getName(), folder.toString(), SanitizedCases.SEPARATE, SanitizedReplay.PLANTED);
        List<String> reports = List.of(oclgrind.log().split("\n\n+"));
        PlantedKernels.REPORTS.forEach((kernel, text) -> assertThat(reports)
                .as("reports").anySatisfy(report -> assertThat(report).contains("Kernel: " + kernel).contains(text)));
    }

    private static TornadoBackend open(SanitizedCases cases) {
        return TornadoBackend.open(target().withComputeUnits(SanitizedCases.COMPUTE_UNITS), "tornado",
                BackendOptions.DEFAULTS, TornadoVariant.portable(cases.merged()));
    }

    private static TornadoTarget target() {
        try (TornadoBackend backend = (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS)) {
            TornadoTarget target = backend.target();
            Assumptions.assumeTrue(target.language() == TornadoVMBackendType.OPENCL, "the device has no OpenCL driver");
            return target;
        }
    }

    /** Writes the kernels' files; returns their names. */
    private Set<String> compile(TornadoBackend backend, List<Program> programs) throws IOException {
        programs.forEach(Program::run);
        Set<String> names = new TreeSet<>();
        for (Map.Entry<String, String> source : backend.kernelSources().entrySet()) {
            Files.writeString(folder.resolve(source.getKey()), source.getValue());
            names.add(source.getKey().replace(".cl", ""));
        }
        return names;
    }
}
