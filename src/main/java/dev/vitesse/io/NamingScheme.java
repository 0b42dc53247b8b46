// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a library calls a Vision Transformer's parameters: a table from timm's names to its own, where {@code #} stands
 * for a block's number. A parameter that the library keeps in parts (queries, keys and values apart) has several names, in
 * the order in which their rows follow each other.
 */
public final class NamingScheme {
    /** A number in timm's names: a block's, or that of one of several hidden layers of the head. */
    private static final Pattern NUMBER = Pattern.compile("(?<=^blocks\\.|^pre_logits\\.)[0-9]+");

    private static final List<NamingScheme> ALL = List.of(
            timm(),
            huggingFace4("vit."), huggingFace4(""),
            huggingFace5("vit."), huggingFace5(""),
            torchvision("mlp.0", "mlp.3"), torchvision("mlp.linear_1", "mlp.linear_2"));

    private final String title;
    private final Map<String, List<String>> table = new LinkedHashMap<>();
    private final List<Pattern> patterns = new ArrayList<>();

    private NamingScheme(String title) {
        this.title = title;
    }

    /** Every scheme, each spelling of a library's by itself; timm's first. */
    public static List<NamingScheme> all() {
        return ALL;
    }

    /** The library: {@code Hugging Face v4}. */
    public String title() {
        return title;
    }

    /** The names of the parts in which the library keeps {@code parameter}; empty if it has no such parameter. */
    List<String> fileNames(String parameter) {
        Matcher number = NUMBER.matcher(parameter);
        if (!number.find()) {
            return table.getOrDefault(parameter, List.of());
        }
        List<String> names = table.getOrDefault(number.replaceFirst("#"), List.of());
        return names.stream().map(name -> name.replace("#", number.group())).toList();
    }

    /** Whether {@code fileName} is a name of this scheme, whatever the configuration. */
    boolean knows(String fileName) {
        return patterns.stream().anyMatch(pattern -> pattern.matcher(fileName).matches());
    }

    private static NamingScheme timm() {
        NamingScheme scheme = new NamingScheme("timm");
        for (String tensor : List.of("cls_token", "pos_embed", "blocks.#.ls1.gamma", "blocks.#.ls2.gamma")) {
            scheme.tensor(tensor, tensor);
        }
        for (String layer : List.of("patch_embed.proj", "norm_pre", "blocks.#.norm1", "blocks.#.attn.qkv",
                "blocks.#.attn.proj", "blocks.#.norm2", "blocks.#.mlp.fc1", "blocks.#.mlp.fc2", "norm", "fc_norm",
                "pre_logits.fc", "pre_logits.#.fc", "head")) {
            scheme.layer(layer, layer);
        }
        return scheme;
    }

    /** Transformers up to version 4, and what version 5 still writes. A bare backbone's names lack the prefix. */
    private static NamingScheme huggingFace4(String prefix) {
        String block = prefix + "encoder.layer.#.";
        return huggingFace("Hugging Face v4", prefix)
                .layer("blocks.#.norm1", block + "layernorm_before")
                .layer("blocks.#.attn.qkv", block + "attention.attention.query", block + "attention.attention.key",
                        block + "attention.attention.value")
                .layer("blocks.#.attn.proj", block + "attention.output.dense")
                .layer("blocks.#.norm2", block + "layernorm_after")
                .layer("blocks.#.mlp.fc1", block + "intermediate.dense")
                .layer("blocks.#.mlp.fc2", block + "output.dense");
    }

    /** The names of Transformers version 5 in memory. */
    private static NamingScheme huggingFace5(String prefix) {
        String block = prefix + "layers.#.";
        return huggingFace("Hugging Face v5", prefix)
                .layer("blocks.#.norm1", block + "layernorm_before")
                .layer("blocks.#.attn.qkv", block + "attention.q_proj", block + "attention.k_proj",
                        block + "attention.v_proj")
                .layer("blocks.#.attn.proj", block + "attention.o_proj")
                .layer("blocks.#.norm2", block + "layernorm_after")
                .layer("blocks.#.mlp.fc1", block + "mlp.fc1")
                .layer("blocks.#.mlp.fc2", block + "mlp.fc2");
    }

    private static NamingScheme huggingFace(String title, String prefix) {
        return new NamingScheme(title)
                .tensor("cls_token", prefix + "embeddings.cls_token")
                .tensor("pos_embed", prefix + "embeddings.position_embeddings")
                .layer("patch_embed.proj", prefix + "embeddings.patch_embeddings.projection")
                .layer("norm", prefix + "layernorm")
                .layer("head", "classifier");
    }

    /** @param fc1 the MLP's first layer, which torchvision renamed in version 0.14; {@code fc2} likewise */
    private static NamingScheme torchvision(String fc1, String fc2) {
        String block = "encoder.layers.encoder_layer_#.";
        return new NamingScheme("torchvision")
                .tensor("cls_token", "class_token")
                .tensor("pos_embed", "encoder.pos_embedding")
                .layer("patch_embed.proj", "conv_proj")
                .layer("blocks.#.norm1", block + "ln_1")
                .tensor("blocks.#.attn.qkv.weight", block + "self_attention.in_proj_weight")
                .tensor("blocks.#.attn.qkv.bias", block + "self_attention.in_proj_bias")
                .layer("blocks.#.attn.proj", block + "self_attention.out_proj")
                .layer("blocks.#.norm2", block + "ln_2")
                .layer("blocks.#.mlp.fc1", block + fc1)
                .layer("blocks.#.mlp.fc2", block + fc2)
                .layer("norm", "encoder.ln")
                .layer("pre_logits.fc", "heads.pre_logits")
                .layer("head", "heads.head");
    }

    /** A linear layer or norm: a weight and a bias. */
    private NamingScheme layer(String timm, String... parts) {
        for (String kind : List.of(".weight", ".bias")) {
            tensor(timm + kind, List.of(parts).stream().map(part -> part + kind).toArray(String[]::new));
        }
        return this;
    }

    private NamingScheme tensor(String timm, String... parts) {
        table.put(timm, List.of(parts));
        for (String part : parts) {
            String[] around = part.split("#", -1);
            String regex = Pattern.quote(around[0]) + (around.length == 1 ? "" : "[0-9]+" + Pattern.quote(around[1]));
            patterns.add(Pattern.compile(regex));
        }
        return this;
    }
}
