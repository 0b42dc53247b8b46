// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;

/** The table. */
public final class KernelCases {
    private KernelCases() {}

    /** Every case. */
    public static List<KernelCase> all() {
        return of(Sides.ALL);
    }

    /** Every operation and option, with fewer and smaller shapes. */
    public static List<KernelCase> small() {
        return of(Sides.SMALL);
    }

    /** Those that the system properties {@code vitesse.cases} and {@code vitesse.case} ask for. */
    public static List<KernelCase> selected() {
        String text = System.getProperty("vitesse.case", "");
        List<KernelCase> cases = System.getProperty("vitesse.cases", "all").equals("small") ? small() : all();
        return cases.stream().filter(c -> c.name().contains(text)).toList();
    }

    private static List<KernelCase> of(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        cases.addAll(PatchesCase.cases(sides));
        cases.addAll(NormCase.cases(sides));
        cases.addAll(LinearCase.cases(sides));
        cases.addAll(AttentionCase.cases(sides));
        cases.addAll(ResidualCase.cases(sides));
        cases.addAll(PoolCase.cases(sides));
        cases.addAll(LossCase.cases(sides));
        cases.addAll(OptimizerCase.cases(sides));
        return List.copyOf(cases);
    }
}
