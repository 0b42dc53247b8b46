// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Softmax cross-entropy of logits [batch, classes]. */
public record LossCase(int batch, int classes, Data data, Labels labels, float smoothing) {
    /** The figure for softmax and loss. */
    private static final double RELATIVE = 1e-6;

    /** What the rows look like. */
    public enum Data {
        RANDOM,
        /** -90, -88, 88 and 90 in turn: exp overflows where the largest is not taken out first. */
        EXTREME,
        /** All the same: every class is the largest, and only the first counts as predicted. */
        CONSTANT,
        /** 60 at one class and 0 elsewhere. */
        ONE_HOT
    }

    /** Which rows count. */
    public enum Labels {
        ALL,
        /** Every third row is padding. */
        SOME,
        NONE
    }

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (int side : sides.values()) {
            if (side > 1) {
                add(cases, new LossCase(7, side, Data.RANDOM, Labels.ALL, 0));
            }
            add(cases, new LossCase(side, 10, Data.RANDOM, Labels.ALL, 0.1f));
        }
        add(cases, new LossCase(3, 1, Data.RANDOM, Labels.ALL, 0));
        for (Data data : Data.values()) {
            for (float smoothing : new float[] {0, 0.1f}) {
                add(cases, new LossCase(17, 33, data, Labels.SOME, smoothing));
                add(cases, new LossCase(3, 7, data, Labels.ALL, smoothing));
            }
        }
        add(cases, new LossCase(16, 7, Data.RANDOM, Labels.NONE, 0.1f));
        if (sides.allow(197)) {
            add(cases, new LossCase(3, 1000, Data.RANDOM, Labels.ALL, 0.1f));
            add(cases, new LossCase(1000, 10, Data.RANDOM, Labels.SOME, 0));
        }
        return cases.stream().distinct().toList();
    }

    private static void add(List<KernelCase> cases, LossCase shape) {
        cases.add(shape.of(true));
        cases.add(shape.of(false));
    }

    private Fill logits() {
        double[] extremes = {-90, 88, 90, -88};
        return switch (data) {
            case RANDOM -> Fill.uniform(-5, 5);
            case EXTREME -> (random, i) -> extremes[i % extremes.length];
            case CONSTANT -> Fill.constant(0.3);
            case ONE_HOT -> (random, i) -> i % classes == i / classes % classes ? 60 : 0;
        };
    }

    private Fill labelFill() {
        return (random, b) -> {
            int label = random.nextInt(classes);
            return switch (labels) {
                case ALL -> label;
                case SOME -> b % 3 == 1 ? -1 - random.nextInt(3) : label;
                case NONE -> -1;
            };
        };
    }

    /** The loss alone, or with the gradient. */
    public KernelCase of(boolean gradient) {
        String name = data.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        KernelCase.Builder builder = KernelCase.builder("crossEntropy", "b=%d,k=%d,%s,labels=%s,s=%s%s", batch, classes,
                name, labels.name().toLowerCase(Locale.ROOT), smoothing, gradient ? "" : ",no dLogits");
        // Smoothing sums the logarithms of all classes.
        builder.sparseOutput("metrics", new Tolerance(smoothing > 0 ? 2 * RELATIVE : RELATIVE, 1), 2)
                .input("logits", logits(), batch, classes)
                .ints("labels", labelFill(), batch);
        if (gradient) {
            // One class, no label, or a hot class with its own label: the right gradient is zero.
            builder.sparseOutput("dLogits", new Tolerance(RELATIVE, 1.0 / batch), batch, classes);
        }
        return builder.call(6L * batch * classes, (k, a) ->
                k.crossEntropy(a.get("metrics"), a.get("dLogits"), a.get("logits"), a.get("labels"), smoothing));
    }
}
