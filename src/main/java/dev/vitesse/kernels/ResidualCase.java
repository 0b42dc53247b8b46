// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Dropout;
import java.util.ArrayList;
import java.util.List;

/** The end of a residual branch [batch, tokens, width]. */
public record ResidualCase(int batch, int tokens, int width, boolean residual, boolean scale, Dropout dropout) {
    private static final Dropout ELEMENTS = new Dropout(0.25f, 0, 3);
    private static final Dropout PATHS = new Dropout(0, 0.4f, 5);
    private static final Dropout BOTH = new Dropout(0.1f, 0.3f, 1);

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (int side : sides.values()) {
            add(cases, new ResidualCase(1, side, 17, true, true, ELEMENTS));
            add(cases, new ResidualCase(1, 7, side, true, true, Dropout.NONE));
            add(cases, new ResidualCase(3, 7, side, true, true, BOTH));
        }
        for (Dropout dropout : List.of(Dropout.NONE, ELEMENTS, PATHS, BOTH)) {
            // Enough entries that dropped paths never leave too little to compare.
            for (int batch : new int[] {3, 16}) {
                for (boolean scale : new boolean[] {true, false}) {
                    ResidualCase some = new ResidualCase(batch, 3, 33, true, scale, dropout);
                    add(cases, some);
                    cases.add(some.inPlace("residual"));
                    cases.add(some.inPlace("branch"));
                    cases.add(some.backwardInPlace());
                    cases.add(new ResidualCase(batch, 3, 33, false, scale, dropout).forward());
                    cases.add(new ResidualCase(batch, 3, 33, false, scale, dropout).inPlace("branch"));
                }
            }
        }
        return cases.stream().distinct().toList();
    }

    private static void add(List<KernelCase> cases, ResidualCase shape) {
        cases.add(shape.forward());
        cases.add(shape.backward());
    }

    private KernelCase.Builder builder(String op, String options) {
        KernelCase.Builder builder = KernelCase.builder(op, "b=%d,t=%d,d=%d%s%s,drop=%s,path=%s%s", batch, tokens,
                width, residual ? "" : ",no residual", scale ? "" : ",no scale", dropout.rate(), dropout.pathRate(),
                options);
        return dropout.dropsNothing() ? builder : builder.ints("random", Fill.bits(), 2);
    }

    private long flops() {
        return 3L * batch * tokens * width;
    }

    public KernelCase forward() {
        KernelCase.Builder builder = builder("residualAdd", "")
                .input("branch", Fill.unit(), batch, tokens, width)
                .inputIf(residual, "residual", Fill.unit(), batch, tokens, width)
                .inputIf(scale, "scale", Fill.uniform(0.5, 1.5), width);
        // Without a residual, dropped paths are zero.
        if (residual) {
            builder.output("y", Tolerance.elementwise(1), batch, tokens, width);
        } else {
            builder.sparseOutput("y", Tolerance.elementwise(1), batch, tokens, width);
        }
        return builder.call(flops(), (k, a) -> k.residualAdd(a.get("y"), a.get("branch"), a.get("residual"),
                a.get("scale"), dropout, a.get("random")));
    }

    /** y is the residual or the branch. */
    public KernelCase inPlace(String operand) {
        KernelCase.Builder builder = builder("residualAdd", ",y=" + operand)
                .inputIf(!operand.equals("branch"), "branch", Fill.unit(), batch, tokens, width)
                .inputIf(residual && !operand.equals("residual"), "residual", Fill.unit(), batch, tokens, width)
                .inputIf(scale, "scale", Fill.uniform(0.5, 1.5), width);
        builder.sparseUpdated(operand, Fill.unit(), Tolerance.elementwise(1), batch, tokens, width);
        return builder.call(flops(), (k, a) -> k.residualAdd(a.get(operand), a.get("branch"), a.get("residual"),
                a.get("scale"), dropout, a.get("random")));
    }

    public KernelCase backward() {
        return backwardBuilder("")
                .sparseOutput("dBranch", Tolerance.elementwise(1), batch, tokens, width)
                .input("dY", Fill.unit(), batch, tokens, width)
                .call(flops(), (k, a) -> k.residualAddBackward(a.get("dBranch"), a.get("dScale"), a.get("dY"),
                        a.get("branch"), a.get("scale"), dropout, a.get("random")));
    }

    public KernelCase backwardInPlace() {
        return backwardBuilder(",dBranch=dY")
                .sparseUpdated("dY", Fill.unit(), Tolerance.elementwise(1), batch, tokens, width)
                .call(flops(), (k, a) -> k.residualAddBackward(a.get("dY"), a.get("dScale"), a.get("dY"),
                        a.get("branch"), a.get("scale"), dropout, a.get("random")));
    }

    /** Everything but dY and dBranch; the branch is given only where it is read. */
    private KernelCase.Builder backwardBuilder(String options) {
        KernelCase.Builder builder = builder("residualAddBackward", options)
                .inputIf(scale, "branch", Fill.unit(), batch, tokens, width)
                .inputIf(scale, "scale", Fill.uniform(0.5, 1.5), width);
        return scale ? builder.sparseOutput("dScale", Tolerance.dot(batch * tokens), width) : builder;
    }
}
