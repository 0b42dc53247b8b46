// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.kernels.CaseRunner;
import java.nio.file.Path;

/**
 * What {@link TornadoSanitizerTest} runs under Oclgrind: TornadoVM's code, but not TornadoVM. Prints the name of each kernel
 * that it has run.
 */
final class SanitizedReplay {
    /** In place of an operation. */
    static final String PLANTED = "planted";

    private SanitizedReplay() {}

    /**
     * @param args the folder of the kernels, {@code merged} or {@code separate}, the operation or {@link #PLANTED}
     */
    public static void main(String[] args) {
        SanitizedCases cases = SanitizedCases.of(args[1]);
        ReplayBackend backend = ReplayBackend.open(cases, Path.of(args[0]));
        if (args[2].equals(PLANTED)) {
            PlantedKernels.record(backend).run();
        } else {
            cases.cases(args[2]).forEach(kernelCase -> CaseRunner.checkOnce(kernelCase, backend));
        }
        backend.ran().forEach(System.out::println);
    }
}
