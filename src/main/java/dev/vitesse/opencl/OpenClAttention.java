// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Multi-head attention, qkv [B, T, 3, H, A]; kernels in {@code attention.cl} and {@code attention_backward.cl}.
 */
final class OpenClAttention {
    private static final String FORWARD = "attention";
    private static final String BACKWARD = "attention_backward";

    private OpenClAttention() {}

    static void forward(Recording r, Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        if (context.elements() == 0) {
            return;
        }
        int headWidth = context.dim(2) / heads;
        int vector = r.vector(headWidth, context, qkv);
        Map<String, Integer> sizes = sizes(r, headWidth, vector);
        blocks(r.kernel(FORWARD, "attention", vector).define(sizes)
                .tensors(context, logSumExp, qkv).with(logSumExp != null), context, heads, vector, sizes);
    }

    static void backward(
            Recording r, Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        if (context.elements() == 0) {
            return;
        }
        int headWidth = context.dim(2) / heads;
        int vector = r.vector(headWidth, dQkv, dContext, context, qkv);
        Map<String, Integer> sizes = sizes(r, headWidth, vector);
        Operand.Scratch delta = r.scratch(logSumExp.elements());
        r.kernel(BACKWARD, "attention_delta", vector).define(sizes)
                .with(delta).tensors(dContext, context).with((int) delta.elements()).with(context.dim(1)).with(heads)
                .with(headWidth / vector)
                .over(r.tuning().get("elementwise.ITEMS"), delta.elements());
        for (String kernel : new String[] {"attention_backward_query", "attention_backward_key_value"}) {
            blocks(r.kernel(BACKWARD, kernel, vector).define(sizes)
                    .tensors(dQkv, dContext, qkv, logSumExp).with(delta), context, heads, vector, sizes);
        }
    }

    private static void blocks(
            Launch.Builder kernel, Tensor context, int heads, int vector, Map<String, Integer> sizes) {
        int tokens = context.dim(1);
        int headWidth = context.dim(2) / heads;
        float scale = (float) (1 / Math.sqrt(headWidth));
        int rows = sizes.get("BR");
        kernel.with(tokens).with(heads).with(headWidth / vector).with(scale).groups(
                new long[] {(tokens + rows - 1) / rows, 1, (long) context.dim(0) * heads},
                sizes.get("WX"), sizes.get("WY"), 1);
    }

    /**
     * The tuned blocks with room for heads of the next power of two, to have few programs; where that does not fit the
     * device's local memory, with no more room than needed, and else the blocks halved until the largest kernel's fit.
     */
    private static Map<String, Integer> sizes(Recording r, int headWidth, int vector) {
        Map<String, Integer> sizes = new TreeMap<>(r.tuning().family("attention"));
        int powerOfTwo = headWidth == 1 ? 1 : Integer.highestOneBit(headWidth - 1) << 1;
        sizes.put("AV", Math.max(powerOfTwo, sizes.remove("LEAST_HEAD")) / vector);
        if (localBytes(sizes, vector) > r.device().localBytes()) {
            sizes.put("AV", headWidth / vector);
        }
        while (localBytes(sizes, vector) > r.device().localBytes()) {
            int vectors = sizes.get("BC") / sizes.get("CW");
            String side = sizes.get("BC") >= sizes.get("BR") && vectors > 1 ? "BC" : "BR";
            if (sizes.get(side) == 1) {
                throw new IllegalArgumentException("attention: heads of " + headWidth + " elements do not fit the "
                        + r.device().localBytes() + " bytes of local memory of " + r.device().name());
            }
            sizes.merge(side, 2, (size, two) -> size / two);
            sizes.put("WX", Math.min(sizes.get("WX"), sizes.get("BC") / sizes.get("CW")));
            sizes.put("WY", Math.min(sizes.get("WY"), sizes.get("BR")));
        }
        return sizes;
    }

    /** Of the kernel that needs most: two blocks of rows, two of columns, these transposed too, and two of scores. */
    private static long localBytes(Map<String, Integer> sizes, int vector) {
        long rows = sizes.get("BR");
        long columns = sizes.get("BC");
        int pad = sizes.get("PAD");
        int headWidth = sizes.get("AV") * vector;
        long rowPitch = headWidth + (long) pad * vector;
        long columnPitch = columns + (long) pad * sizes.get("CW");
        return 2 * Float.BYTES * ((rows + columns) * rowPitch + (headWidth + rows) * columnPitch + columns);
    }
}
