// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.ArrayList;
import java.util.List;

/**
 * The patch embedding of images with side {@code patchesPerSide * patch} and the given number of prefix tokens.
 *
 * @param positions rows of the position embedding (Q)
 * @param exact small integers, which must give the same bits everywhere; else random numbers
 */
public record PatchesCase(
        int batch, int patchesPerSide, int patch, int channels, int width, int prefix, int positions, boolean exact) {

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (boolean exact : new boolean[] {true, false}) {
            for (int width : sides.values()) {
                add(cases, of(1, 3, 2, 3, width, 1, exact));
            }
            add(cases, of(3, 2, 7, 1, 17, 1, exact));
            add(cases, of(3, 4, 1, 3, 7, 0, exact));
            add(cases, of(1, 2, 4, 1, 16, 1, exact));
            add(cases, of(1, 1, 16, 1, 31, 2, exact));
            if (sides.allow(197)) {
                add(cases, of(3, 7, 4, 1, 64, 1, exact));
                add(cases, of(1, 14, 16, 3, 65, 1, exact));
                add(cases, of(1, 8, 4, 3, 63, 0, exact));
            }
        }
        PatchesCase patchPositions = new PatchesCase(3, 3, 2, 3, 17, 1, 9, false);
        add(cases, patchPositions);
        add(cases, new PatchesCase(1, 2, 3, 1, 33, 3, 5, true));
        cases.add(patchPositions.backward(false, true, true));
        cases.add(patchPositions.backward(true, false, true));
        cases.add(patchPositions.backward(true, true, false));
        cases.add(patchPositions.backward(false, false, false));
        return cases;
    }

    /** A position for every token. */
    private static PatchesCase of(
            int batch, int patchesPerSide, int patch, int channels, int width, int prefix, boolean exact) {
        int tokens = prefix + patchesPerSide * patchesPerSide;
        return new PatchesCase(batch, patchesPerSide, patch, channels, width, prefix, tokens, exact);
    }

    private static void add(List<KernelCase> cases, PatchesCase shape) {
        cases.add(shape.forward());
        cases.add(shape.backward(true, true, true));
    }

    private int side() {
        return patchesPerSide * patch;
    }

    private int patches() {
        return patchesPerSide * patchesPerSide;
    }

    private int tokens() {
        return prefix + patches();
    }

    private int patchElements() {
        return channels * patch * patch;
    }

    private long flops() {
        return 2L * batch * patches() * patchElements() * width;
    }

    private Fill fill() {
        return exact ? Fill.integers() : Fill.unit();
    }

    private Tolerance dot(int terms) {
        return exact ? Tolerance.EXACT : Tolerance.dot(terms);
    }

    private Tolerance sum(int terms) {
        return exact ? Tolerance.EXACT : Tolerance.sum(terms, 0.6);
    }

    private KernelCase.Builder builder(String op, String options) {
        return KernelCase.builder(op, "b=%d,s=%d,p=%d,c=%d,d=%d,prefix=%d,positions=%d%s%s", batch, side(), patch,
                channels, width, prefix, positions, options, exact ? ",exact" : "");
    }

    public KernelCase forward() {
        return builder("patchEmbedding", "")
                .output("tokens", dot(patchElements() + 2), batch, tokens(), width)
                .input("images", fill(), batch, channels, side(), side())
                .input("weight", fill(), width, channels, patch, patch)
                .input("bias", fill(), width)
                .inputIf(prefix > 0, "prefix", fill(), prefix, width)
                .input("position", fill(), positions, width)
                .call(flops(), (k, a) -> k.patchEmbedding(a.get("tokens"), a.get("images"), a.get("weight"),
                        a.get("bias"), a.get("prefix"), a.get("position")));
    }

    /** The gradients of weight and bias, and those others that are wanted. */
    public KernelCase backward(boolean dImages, boolean dPrefix, boolean dPosition) {
        String options = (dImages ? "" : ",no dImages") + (dPrefix ? "" : ",no dPrefix")
                + (dPosition ? "" : ",no dPosition");
        return builder("patchEmbeddingBackward", options)
                .outputIf(dImages, "dImages", dot(width), batch, channels, side(), side())
                .output("dWeight", dot(batch * patches()), width, channels, patch, patch)
                .output("dBias", sum(batch * patches()), width)
                .outputIf(dPrefix && prefix > 0, "dPrefix", sum(batch), prefix, width)
                .outputIf(dPosition, "dPosition", sum(batch), positions, width)
                .input("dTokens", fill(), batch, tokens(), width)
                .input("images", fill(), batch, channels, side(), side())
                .input("weight", fill(), width, channels, patch, patch)
                .call(flops() * (dImages ? 2 : 1), (k, a) -> k.patchEmbeddingBackward(a.get("dImages"),
                        a.get("dWeight"), a.get("dBias"), a.get("dPrefix"), a.get("dPosition"), a.get("dTokens"),
                        a.get("images"), a.get("weight")));
    }
}
