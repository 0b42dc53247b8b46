// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Multi-head attention over qkv [batch, tokens, 3 heads headWidth]. */
public record AttentionCase(int batch, int tokens, int heads, int headWidth, Data data) {
    /** What the scores look like. */
    public enum Data {
        RANDOM,
        /** Scores from -90 to 90: exp overflows where the largest is not taken out first. */
        EXTREME,
        /** All keys the same: every probability is 1/T. */
        CONSTANT,
        /** One key takes nearly all of every row's probability. */
        ONE_HOT
    }

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (int side : sides.values()) {
            add(cases, new AttentionCase(1, side, 2, 8, Data.RANDOM));
            if (side <= 65) {
                add(cases, new AttentionCase(1, 17, 2, side, Data.RANDOM));
            }
        }
        add(cases, new AttentionCase(3, 17, 3, 7, Data.RANDOM));
        add(cases, new AttentionCase(3, 33, 1, 16, Data.RANDOM));
        if (sides.allow(197)) {
            add(cases, new AttentionCase(1, 197, 3, 64, Data.RANDOM));
            add(cases, new AttentionCase(3, 65, 2, 64, Data.RANDOM));
            add(cases, new AttentionCase(1, 50, 2, 32, Data.RANDOM));
            add(cases, new AttentionCase(1, 65, 1, 80, Data.RANDOM));
            add(cases, new AttentionCase(1, 17, 5, 128, Data.RANDOM));
        }
        for (Data data : Data.values()) {
            add(cases, new AttentionCase(1, 33, 2, 16, data));
            add(cases, new AttentionCase(1, 33, 2, 8, data));
            add(cases, new AttentionCase(2, 18, 3, 4, data));
        }
        add(cases, new AttentionCase(1, 50, 1, 32, Data.EXTREME));
        cases.add(new AttentionCase(3, 17, 2, 8, Data.RANDOM).forward(false));
        return cases.stream().distinct().toList();
    }

    private static void add(List<KernelCase> cases, AttentionCase shape) {
        cases.add(shape.forward(true));
        cases.add(shape.backward());
    }

    private int width() {
        return heads * headWidth;
    }

    private Fill qkv() {
        return (random, i) -> {
            int column = i % (3 * width());
            int token = i / (3 * width()) % tokens;
            int element = column % headWidth;
            double value = random.nextDouble(-1, 1);
            boolean value3 = column >= 2 * width();
            boolean key = !value3 && column >= width();
            if (value3 || data == Data.RANDOM) {
                return value;
            }
            return switch (data) {
                // Scores along one axis: q = +-scale, k = scale cos, so that q k / sqrt(A) spans -90 to 90.
                case EXTREME -> element > 0 ? 0.01 * value : extreme(key, token);
                case CONSTANT -> key ? 0.25 * (1 + element % 3) : value;
                case ONE_HOT -> element > 0 ? 0.01 * value : !key ? 8 : token == 3 % tokens ? 4.0 * headWidth : 0;
                case RANDOM -> value;
            };
        };
    }

    private double extreme(boolean key, int token) {
        double scale = Math.sqrt(90 * Math.sqrt(headWidth));
        return scale * (key ? 1 - 2.0 * token / Math.max(1, tokens - 1) : token % 2 == 0 ? 1 : -1);
    }

    /** A score's rounding error is a relative error of its probability. */
    private double scoreError() {
        return switch (data) {
            case EXTREME -> 90 * 0x1p-21;
            case ONE_HOT -> 32 * Math.sqrt(headWidth) * 0x1p-21;
            default -> 0;
        };
    }

    private Tolerance tolerance(double magnitude) {
        return new Tolerance(scoreError() + (8 + Math.sqrt(tokens) + Math.sqrt(headWidth)) * 0x1p-22, magnitude);
    }

    private KernelCase.Builder builder(String op, String options) {
        String name = data.name().toLowerCase(Locale.ROOT).replace('_', ' ');
        return KernelCase.builder(op, "b=%d,t=%d,h=%d,a=%d,%s%s", batch, tokens, heads, headWidth, name, options);
    }

    /** Two products of [T, A] by [A, T] per head, and T x T exponentials. */
    private long flops(int products) {
        return (long) batch * heads * tokens * tokens * (2L * products * headWidth + 1);
    }

    public KernelCase forward(boolean keep) {
        return builder("attention", keep ? "" : ",no logSumExp")
                .output("context", tolerance(1 / Math.sqrt(tokens)), batch, tokens, width())
                .outputIf(keep, "logSumExp", new Tolerance(1e-6, 1 + Math.log(tokens)), batch, heads, tokens)
                .input("qkv", qkv(), batch, tokens, 3 * width())
                .call(flops(2), (k, a) -> k.attention(a.get("context"), a.get("logSumExp"), a.get("qkv"), heads));
    }

    /** Context and logSumExp come from the reference: each backend's own are checked by the forward cases. */
    public KernelCase backward() {
        // Large queries and keys are factors of the gradients.
        double scale = data == Data.ONE_HOT ? 4 * headWidth : data == Data.EXTREME ? 10 : 1;
        return builder("attentionBackward", "")
                .output("dQkv", tolerance(scale / Math.sqrt(tokens)), batch, tokens, 3 * width())
                .input("dContext", Fill.unit(), batch, tokens, width())
                .input("qkv", qkv(), batch, tokens, 3 * width())
                .prepared("context", batch, tokens, width())
                .prepared("logSumExp", batch, heads, tokens)
                .prepare((k, a) -> k.attention(a.get("context"), a.get("logSumExp"), a.get("qkv"), heads))
                .call(flops(5), (k, a) -> k.attentionBackward(a.get("dQkv"), a.get("dContext"), a.get("context"),
                        a.get("qkv"), a.get("logSumExp"), heads));
    }
}
