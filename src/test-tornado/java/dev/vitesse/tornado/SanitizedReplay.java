// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.kernels.CaseRunner;
import java.nio.file.Path;

/**
 * What {@link TornadoSanitizerTest} runs under Oclgrind: TornadoVM's code, but not TornadoVM. Prints the name of each kernel
 * that it has run.
 */
final class SanitizedReplay {
    private SanitizedReplay() {}

    /**
     * @param args {@code cases} or {@code planted}, the folder of the kernels, compute units of the device that they are for
     */
    public static void main(String[] args) {
        for (boolean merged : args[0].equals("planted") ? new boolean[] {false} : new boolean[] {true, false}) {
            SanitizedCases cases = new SanitizedCases(Integer.parseInt(args[2]), merged);
            ReplayBackend backend = ReplayBackend.open(cases, Path.of(args[1], cases.folder()));
            if (args[0].equals("planted")) {
                PlantedKernels.record(backend).run();
            } else {
                cases.cases().forEach(kernelCase -> CaseRunner.checkOnce(kernelCase, backend));
            }
            backend.ran().forEach(kernel -> System.out.println(cases.folder() + "/" + kernel));
        }
    }
}
