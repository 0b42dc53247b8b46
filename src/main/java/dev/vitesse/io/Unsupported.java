// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Guesses from what does not fit which unsupported kind of model a checkpoint holds, so that the error can say it. */
final class Unsupported {
    private static final Map<Pattern, String> REASONS = reasons();

    private Unsupported() {}

    private static Map<Pattern, String> reasons() {
        Map<Pattern, String> reasons = new LinkedHashMap<>();
        reasons.put(Pattern.compile("q_norm|k_norm|query_norm|key_norm|norm_[qk]\\b"),
                "it normalises queries and keys, which is not supported");
        reasons.put(Pattern.compile("weights_in|weights_out|swiglu|mlp\\.(w12|w3|fc1_g|gate)"),
                "its MLP is gated (SwiGLU), which is not supported");
        reasons.put(Pattern.compile("MAPHead|attn_pool"), "it pools by attention, which is not supported");
        reasons.put(Pattern.compile("rel_pos|relative_position"), "it has relative positions, which are not supported");
        reasons.put(Pattern.compile("rope|rotary|freqs"), "it has rotary positions, which are not supported");
        reasons.put(Pattern.compile("lora_"), "it holds LoRA adapters: merge them into the weights first");
        reasons.put(Pattern.compile("qweight|\\.SCB|quant"), "it is quantised, which is not supported");
        reasons.put(Pattern.compile("res_post|post_norm|norm_post"), "it is post-norm, which is not supported");
        reasons.put(Pattern.compile("(to_kv|attn\\.kv|shared_qkv|\\.qk)\\b"),
                "queries, keys and values share a projection, which is not supported");
        reasons.put(Pattern.compile("decoder\\."), "it holds a decoder of pretraining: save the encoder alone");
        return reasons;
    }

    static @Nullable String reason(TensorFile file, Collection<String> missing, Collection<String> unexpected,
            Collection<String> misshapen) {
        for (Map.Entry<Pattern, String> reason : REASONS.entrySet()) {
            if (unexpected.stream().anyMatch(name -> reason.getKey().matcher(name).find())) {
                return reason.getValue();
            }
        }
        boolean square = file.tensors().values().stream().anyMatch(entry -> entry.name().matches(".*qkv\\.weight")
                && entry.shape().length == 2 && entry.shape()[0] == entry.shape()[1]);
        boolean queriesAlone = file.tensors().keySet().stream().anyMatch(name -> name.matches(".*(query|q_proj)[./].*"))
                && missing.stream().anyMatch(name -> name.matches(".*(key|k_proj)[./].*"))
                && missing.stream().anyMatch(name -> name.matches(".*(value|v_proj)[./].*"));
        if (square || queriesAlone) {
            return "queries, keys and values seem to share one projection, which is not supported";
        }
        boolean lacksFinalNorm = missing.stream().anyMatch(name -> name.matches(
                "(norm|.*\\.layernorm|encoder\\.ln|.*encoder_norm)[./](weight|scale)"));
        return lacksFinalNorm && unexpected.isEmpty() ? "without a norm at the end it may be post-norm, which is not"
                + " supported" : null;
    }
}
