// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Layer normalisation of x [batch, tokens, width], or of [batch, width] if tokens is 0. */
public record NormCase(int batch, int tokens, int width, Data data) {
    private static final float EPSILON = 1e-6f;

    /** What the rows are made of. */
    public enum Data {
        RANDOM,
        /** Integers in pairs around an integer, so that float32 represents mean and deviations exactly. */
        EXACT_MEAN,
        /** Deviations of 1 around 1000, where one-pass variances are lost. */
        LARGE_MEAN,
        /** The first eighth of a row around 1000, the others around 0: one-pass variances with a wrong guess of the mean. */
        LARGE_FIRST,
        /** Every element of a row the same, a number whose sums are exact: variance zero. */
        CONSTANT
    }

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (int side : sides.values()) {
            add(cases, new NormCase(1, 7, side, Data.RANDOM));
            add(cases, new NormCase(1, side, 33, Data.RANDOM));
        }
        add(cases, new NormCase(3, 17, 31, Data.RANDOM));
        add(cases, new NormCase(3, 0, 17, Data.RANDOM));
        for (Data data : Data.values()) {
            add(cases, new NormCase(3, 7, 33, data));
            // A row is a vector, of one processor or another.
            add(cases, new NormCase(3, 7, 4, data));
            add(cases, new NormCase(3, 7, 8, data));
            add(cases, new NormCase(3, 7, 16, data));
            if (sides.allow(197)) {
                add(cases, new NormCase(1, 17, 64, data));
                add(cases, new NormCase(1, 65, 197, data));
                add(cases, new NormCase(1, 3, 768, data));
            }
        }
        return cases.stream().distinct().toList();
    }

    private static void add(List<KernelCase> cases, NormCase shape) {
        cases.add(shape.forward());
        cases.add(shape.backward());
    }

    private int[] rowsShape() {
        return tokens == 0 ? new int[] {batch} : new int[] {batch, tokens};
    }

    private int[] shape() {
        return tokens == 0 ? new int[] {batch, width} : new int[] {batch, tokens, width};
    }

    private int rows() {
        return batch * Math.max(1, tokens);
    }

    private Fill fill() {
        return switch (data) {
            case RANDOM -> Fill.unit();
            case EXACT_MEAN -> (random, i) -> {
                // Elements 2 j and 2 j + 1 of a row lie as far below the mean as above; an odd last one is the mean.
                int d = i % width;
                double deviation = width % 2 == 1 && d == width - 1 ? 0 : 1 + d / 2 % 5;
                return 7 + i / width % 3 + (d % 2 == 0 ? deviation : -deviation);
            };
            case LARGE_MEAN -> (random, i) -> 1000 + random.nextDouble(-1, 1);
            case LARGE_FIRST -> (random, i) -> (i % width < width / 8 ? 1000 : 0) + random.nextDouble(-1, 1);
            case CONSTANT -> (random, i) -> 0.5 + i / width % 5;
        };
    }

    /** The error of (x - mean) rstd: a few roundings, and that of the mean in units of the standard deviation. */
    private double dataError() {
        return switch (data) {
            case RANDOM, LARGE_FIRST -> 1e-6;
            case EXACT_MEAN -> 5e-7;
            case LARGE_MEAN -> 1000 * Math.sqrt(3) * (2 + Math.sqrt(width) / 4) * 0x1p-23;
            case CONSTANT -> 5 / Math.sqrt(EPSILON) * 0x1p-23;
        };
    }

    private KernelCase.Builder builder(String op) {
        String name = data.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        return KernelCase.builder(op, "b=%d,t=%d,d=%d,%s", batch, tokens, width, name);
    }

    public KernelCase forward() {
        boolean large = data == Data.LARGE_MEAN || data == Data.LARGE_FIRST;
        double meanScale = large ? 1000 * (1 + Math.sqrt(width) / 4) : 5;
        return builder("layerNorm")
                .output("y", new Tolerance(dataError(), 2), shape())
                .output("mean", Tolerance.elementwise(meanScale), rowsShape())
                .output("rstd", new Tolerance(dataError(), width == 1 || data == Data.CONSTANT ? 1000 : 1), rowsShape())
                .input("x", fill(), shape())
                .input("gamma", Fill.uniform(0.5, 1.5), width)
                .input("beta", Fill.unit(), width)
                .call(8L * rows() * width, (k, a) -> k.layerNorm(a.get("y"), a.get("mean"), a.get("rstd"), a.get("x"),
                        a.get("gamma"), a.get("beta"), EPSILON));
    }

    /** Mean and rstd come from the reference: each backend's own are checked by the forward cases. */
    public KernelCase backward() {
        // The factor rstd is in dX, and 1000 where a row's variance is nothing beside epsilon.
        double rstd = width == 1 || data == Data.CONSTANT ? 1000 : 2;
        KernelCase.Builder builder = builder("layerNormBackward")
                .updated("dX", Fill.unit(), new Tolerance(dataError(), rstd), shape())
                .output("dBeta", Tolerance.sum(rows(), 0.6), width)
                .input("dY", Fill.unit(), shape())
                .input("x", fill(), shape())
                .input("gamma", Fill.uniform(0.5, 1.5), width)
                .prepared("mean", rowsShape())
                .prepared("rstd", rowsShape())
                .scratch("y", shape());
        Tolerance dGamma = new Tolerance((2 + Math.sqrt(rows())) * dataError(), 0.6 * Math.sqrt(rows()));
        if (width == 1 || data == Data.CONSTANT) {
            builder.sparseOutput("dGamma", dGamma, width);
        } else {
            builder.output("dGamma", dGamma, width);
        }
        // beta enters y alone, which nobody reads: gamma does as well as any vector.
        return builder
                .prepare((k, a) -> k.layerNorm(a.get("y"), a.get("mean"), a.get("rstd"), a.get("x"), a.get("gamma"),
                        a.get("gamma"), EPSILON))
                .call(14L * rows() * width, (k, a) -> k.layerNormBackward(a.get("dX"), a.get("dGamma"), a.get("dBeta"),
                        a.get("dY"), a.get("x"), a.get("mean"), a.get("rstd"), a.get("gamma")));
    }
}
