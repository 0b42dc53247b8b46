// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;

/** The mean of tokens first to first + count - 1 of x [batch, tokens, width]. */
public record PoolCase(int batch, int tokens, int width, int first, int count) {
    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (int side : sides.values()) {
            add(cases, new PoolCase(1, side, 33, 0, 1));
            add(cases, new PoolCase(1, side, 17, 0, side));
            add(cases, new PoolCase(3, 17, side, 1, 16));
        }
        add(cases, new PoolCase(3, 7, 31, 6, 1));
        add(cases, new PoolCase(1, 33, 16, 5, 9));
        return cases.stream().distinct().toList();
    }

    private static void add(List<KernelCase> cases, PoolCase shape) {
        cases.add(shape.forward());
        cases.add(shape.backward());
    }

    /** Whether dividing by count is exact, also for who multiplies by the inverse. */
    private boolean exact() {
        return Integer.bitCount(count) == 1;
    }

    private Fill fill() {
        return exact() ? Fill.integers() : Fill.unit();
    }

    private KernelCase.Builder builder(String op) {
        return KernelCase.builder(op, "b=%d,t=%d,d=%d,first=%d,count=%d%s", batch, tokens, width, first, count,
                exact() ? ",exact" : "");
    }

    public KernelCase forward() {
        Tolerance mean = new Tolerance((2 + Math.sqrt(count)) * 0x1p-22, 0.6 / Math.sqrt(count));
        return builder("pool")
                .output("pooled", exact() ? Tolerance.EXACT : mean, batch, width)
                .input("x", fill(), batch, tokens, width)
                .call((long) batch * count * width, (k, a) -> k.pool(a.get("pooled"), a.get("x"), first, count));
    }

    public KernelCase backward() {
        return builder("poolBackward")
                .sparseOutput("dX", exact() ? Tolerance.EXACT : Tolerance.elementwise(1.0 / count), batch, tokens, width)
                .input("dPooled", fill(), batch, width)
                .call((long) batch * width, (k, a) -> k.poolBackward(a.get("dX"), a.get("dPooled"), first, count));
    }
}
