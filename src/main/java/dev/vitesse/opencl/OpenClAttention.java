// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Multi-head attention, qkv [B, T, 3, H, A]; kernels in {@code attention.cl}. */
final class OpenClAttention {
    private static final String FILE = "attention";

    private OpenClAttention() {}

    static void forward(Recording r, Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        if (context.elements() == 0) {
            return;
        }
        int headWidth = context.dim(2) / heads;
        int vector = r.vector(headWidth, context, qkv);
        Map<String, Integer> sizes = sizes(r, headWidth, vector);
        blocks(r.kernel(FILE, "attention", vector).define(sizes).define("KEEP_LSE", logSumExp != null)
                .tensors(context, logSumExp, qkv), context, heads, sizes);
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
        r.kernel(FILE, "attention_delta", vector).define(sizes).define("KEEP_LSE", true)
                .with(delta).tensors(dContext, context).with((int) delta.elements()).with(context.dim(1)).with(heads)
                .over(r.tuning().get("elementwise.ITEMS"), delta.elements());
        for (String kernel : new String[] {"attention_backward_query", "attention_backward_key_value"}) {
            blocks(r.kernel(FILE, kernel, vector).define(sizes).define("KEEP_LSE", true)
                    .tensors(dQkv, dContext, qkv, logSumExp).with(delta), context, heads, sizes);
        }
    }

    private static void blocks(Launch.Builder kernel, Tensor context, int heads, Map<String, Integer> sizes) {
        int tokens = context.dim(1);
        float scale = (float) (1 / Math.sqrt((double) context.dim(2) / heads));
        int rows = sizes.get("BR");
        kernel.with(tokens).with(heads).with(scale).groups(
                new long[] {(tokens + rows - 1) / rows, 1, (long) context.dim(0) * heads},
                sizes.get("WX"), sizes.get("WY"), 1);
    }

    /** The tuned blocks, halved until the largest kernel's fit the device's local memory. */
    private static Map<String, Integer> sizes(Recording r, int headWidth, int vector) {
        Map<String, Integer> sizes = new TreeMap<>(r.tuning().family("attention"));
        int vectors = headWidth / vector;
        int pitch = vectors + sizes.remove("PAD");
        sizes.put("AV", vectors);
        sizes.put("PITCH", pitch);
        while (localBytes(sizes, vector) > r.device().localBytes()) {
            String side = sizes.get("BC") > sizes.get("WX") ? "BC" : "BR";
            String items = side.equals("BC") ? "WX" : "WY";
            if (sizes.get(side) == 1) {
                throw new IllegalArgumentException("attention: heads of " + headWidth + " elements do not fit the "
                        + r.device().localBytes() + " bytes of local memory of " + r.device().name());
            }
            sizes.merge(side, 2, (size, two) -> size / two);
            sizes.put(items, Math.min(sizes.get(items), sizes.get(side)));
        }
        return sizes;
    }

    /** Of the backward pass: two blocks of each side and two of scores, which is the most any kernel needs. */
    private static long localBytes(Map<String, Integer> sizes, int vector) {
        long rows = sizes.get("BR");
        long columns = sizes.get("BC");
        return Float.BYTES * (2 * (rows + columns) * sizes.get("PITCH") * vector + 2 * rows * (columns + 1));
    }
}
