// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.OptimizerRule;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** What happens to the gradients of a tensor of {@code elements} elements, and {@code fill}. */
public record OptimizerCase(int elements) {
    /** A rate as large as the weights, so that an error of the step is not hidden behind them. */
    private static final double RATE = 0.1;

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        OptimizerRule.Adam adamw = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);
        OptimizerRule.Sgd sgd = new OptimizerRule.Sgd(0.9f, 0.01f, false);
        List<Integer> sizes = new ArrayList<>(sides.values());
        if (sides.allow(197)) {
            sizes.addAll(List.of(1000, 4099));
        }
        for (int size : sizes) {
            OptimizerCase some = new OptimizerCase(size);
            cases.add(some.adam(adamw));
            cases.add(some.sgd(sgd));
            cases.add(some.sumOfSquares(false));
            cases.add(some.sumOfSquares(true));
            cases.add(some.clipFactor(1, Fill.uniform(0, 4)));
            cases.add(some.fill(-1.5f));
        }
        OptimizerCase some = new OptimizerCase(33);
        cases.add(some.fill(0));
        cases.add(some.adam(new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, false)));
        cases.add(some.adam(new OptimizerRule.Adam(0.5f, 0.9f, 1e-3f, 0, true)));
        cases.add(some.sgd(new OptimizerRule.Sgd(0.9f, 0.01f, true)));
        cases.add(some.sgd(new OptimizerRule.Sgd(0, 0, false)));
        cases.add(some.clipFactor(0, Fill.uniform(0, 4)));
        cases.add(some.clipFactor(100, Fill.uniform(0, 4)));
        cases.add(some.clipFactor(1, Fill.constant(0)));
        cases.add(new OptimizerCase(1).clipFactor(1e-5f, Fill.constant(1e-8)));
        cases.add(some.clipFactor(1, Fill.constant(Double.POSITIVE_INFINITY)));
        cases.add(some.clipFactor(0, Fill.constant(Double.NaN)));
        if (sides.allow(197)) {
            cases.add(new OptimizerCase(100_003).sumOfSquares(false));
        }
        return cases;
    }

    /** The sum of squares of integers is exact as long as it stays below 2^24. */
    public KernelCase sumOfSquares(boolean exact) {
        return KernelCase.builder("sumOfSquares", "n=%d%s", elements, exact ? ",exact" : "")
                .output("sum", exact ? Tolerance.EXACT : new Tolerance(2e-6, 1e-3), 1)
                .input("x", exact ? (random, i) -> random.nextInt(1, 5) : Fill.unit(), elements)
                .call(2L * elements, (k, a) -> k.sumOfSquares(a.get("sum"), a.get("x")));
    }

    /** Clipping by the sums of {@code elements} tensors. */
    public KernelCase clipFactor(float maxNorm, Fill sums) {
        double first = sums.value(new SplittableRandom(0), 0);
        String text = first < 1e-3 || !Double.isFinite(first) ? ",sums=" + first : "";
        return KernelCase.builder("clipFactor", "n=%d,max=%s%s", elements, maxNorm, text)
                .output("clip", new Tolerance(2e-6, 1e-3), 2)
                .input("sums", sums, elements)
                .call(elements, (k, a) -> k.clipFactor(a.get("clip"), a.get("sums"), maxNorm));
    }

    public KernelCase adam(OptimizerRule.Adam rule) {
        return update(KernelCase.builder("adam", "n=%d,%s", elements, text(rule.toString())))
                .updated("m", Fill.unit(), Tolerance.elementwise(1), elements)
                .updated("v", Fill.uniform(0.01, 1), Tolerance.elementwise(1), elements)
                .call(15L * elements, (k, a) -> k.adam(a.get("weight"), a.get("m"), a.get("v"), a.get("gradient"),
                        a.get("schedule"), a.get("clip"), rule));
    }

    public KernelCase sgd(OptimizerRule.Sgd rule) {
        return update(KernelCase.builder("sgd", "n=%d,%s", elements, text(rule.toString())))
                .updated("velocity", Fill.unit(), Tolerance.elementwise(1), elements)
                .call(7L * elements, (k, a) -> k.sgd(a.get("weight"), a.get("velocity"), a.get("gradient"),
                        a.get("schedule"), a.get("clip"), rule));
    }

    /** {@code beta1=0.9, ...} of {@code Adam[beta1=0.9, ...]}. */
    private static String text(String rule) {
        return rule.substring(rule.indexOf('[') + 1, rule.length() - 1).replace(", ", ",");
    }

    private KernelCase.Builder update(KernelCase.Builder builder) {
        double[] schedule = {RATE, 0.3, 0.02};
        return builder
                .updated("weight", Fill.unit(), new Tolerance(1e-6, 1), elements)
                .input("gradient", Fill.unit(), elements)
                .input("schedule", (random, i) -> schedule[i] * random.nextDouble(0.9, 1.1), 3)
                .input("clip", (random, i) -> i == 0 ? 2 : random.nextDouble(0.5, 1), 2);
    }

    public KernelCase fill(float value) {
        KernelCase.Builder builder = KernelCase.builder("fill", "n=%d,value=%s", elements, value);
        return builder.sparseOutput("x", Tolerance.EXACT, elements)
                .call(0, (k, a) -> k.fill(a.get("x"), value));
    }
}
