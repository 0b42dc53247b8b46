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
 * for a block's number. A parameter that the library keeps in parts (queries, keys and values apart) has several names,
 * in the order in which their rows follow each other; a library whose axes lie otherwise says how ({@link
 * Rearrangement}).
 */
public final class NamingScheme {
    /** A number in timm's names: a block's, or that of one of several hidden layers of the head. */
    private static final Pattern NUMBER = Pattern.compile("(?<=^blocks\\.|^pre_logits\\.)[0-9]+");

    private static final List<NamingScheme> ALL = List.of(
            timm(),
            huggingFace4("vit."), huggingFace4(""),
            huggingFace5("vit."), huggingFace5(""),
            torchvision("mlp.0", "mlp.3"), torchvision("mlp.linear_1", "mlp.linear_2"),
            google(""), google("opt/target/"),
            bigVision(""), bigVision("params/"), bigVision("params/img/"));

    private final String title;
    private final Map<String, List<Part>> table = new LinkedHashMap<>();
    private final List<Pattern> patterns = new ArrayList<>();

    /** A tensor of the file, and how its axes become timm's. */
    record Part(String name, Rearrangement rearrangement) {}

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

    /** The parts in which the library keeps {@code parameter}; empty if it has no such parameter. */
    List<Part> parts(String parameter) {
        Matcher number = NUMBER.matcher(parameter);
        if (!number.find()) {
            return table.getOrDefault(parameter, List.of());
        }
        List<Part> parts = table.getOrDefault(number.replaceFirst("#"), List.of());
        return parts.stream().map(part -> new Part(part.name().replace("#", number.group()), part.rearrangement()))
                .toList();
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

    /** Google's original checkpoints of ViT (.npz), as they are or with the optimizer's state around them. */
    private static NamingScheme google(String prefix) {
        return flax("Google ViT", prefix, 1, 2, 3)
                .tensor("pos_embed", prefix + "Transformer/posembed_input/pos_embedding");
    }

    /** The checkpoints of Google's big_vision, alone or inside a model of images and text. */
    private static NamingScheme bigVision(String prefix) {
        return flax("Google big_vision", prefix, 0, 1, 0).tensor("pos_embed", prefix + "pos_embedding");
    }

    /**
     * Flax numbers layers of one kind within a block, or all together: attention, the second norm and the MLP differ.
     */
    private static NamingScheme flax(String title, String prefix, int attention, int norm2, int mlp) {
        String block = prefix + "Transformer/encoderblock_#/";
        String heads = block + "MultiHeadDotProductAttention_" + attention + "/";
        String dense = block + "MlpBlock_" + mlp + "/Dense_";
        return new NamingScheme(title)
                .tensor("cls_token", prefix + "cls")
                .flaxLayer("patch_embed.proj", prefix + "embedding", Rearrangement.CONVOLUTION)
                .flaxNorm("blocks.#.norm1", block + "LayerNorm_0")
                .tensor("blocks.#.attn.qkv.weight", Rearrangement.TO_HEADS,
                        heads + "query/kernel", heads + "key/kernel", heads + "value/kernel")
                .tensor("blocks.#.attn.qkv.bias", Rearrangement.HEADS_BIAS,
                        heads + "query/bias", heads + "key/bias", heads + "value/bias")
                .flaxLayer("blocks.#.attn.proj", heads + "out", Rearrangement.FROM_HEADS)
                .flaxNorm("blocks.#.norm2", block + "LayerNorm_" + norm2)
                .flaxLayer("blocks.#.mlp.fc1", dense + "0", Rearrangement.TRANSPOSE)
                .flaxLayer("blocks.#.mlp.fc2", dense + "1", Rearrangement.TRANSPOSE)
                .flaxNorm("norm", prefix + "Transformer/encoder_norm")
                .flaxLayer("pre_logits.fc", prefix + "pre_logits", Rearrangement.TRANSPOSE)
                .flaxLayer("head", prefix + "head", Rearrangement.TRANSPOSE);
    }

    private NamingScheme flaxLayer(String timm, String name, Rearrangement kernel) {
        return tensor(timm + ".weight", kernel, name + "/kernel").tensor(timm + ".bias", name + "/bias");
    }

    private NamingScheme flaxNorm(String timm, String name) {
        return tensor(timm + ".weight", name + "/scale").tensor(timm + ".bias", name + "/bias");
    }

    /** A linear layer or norm: a weight and a bias. */
    private NamingScheme layer(String timm, String... parts) {
        for (String kind : List.of(".weight", ".bias")) {
            tensor(timm + kind, List.of(parts).stream().map(part -> part + kind).toArray(String[]::new));
        }
        return this;
    }

    private NamingScheme tensor(String timm, String... names) {
        return tensor(timm, Rearrangement.NONE, names);
    }

    private NamingScheme tensor(String timm, Rearrangement rearrangement, String... names) {
        table.put(timm, List.of(names).stream().map(name -> new Part(name, rearrangement)).toList());
        for (String name : names) {
            String[] around = name.split("#", -1);
            String regex = Pattern.quote(around[0]) + (around.length == 1 ? "" : "[0-9]+" + Pattern.quote(around[1]));
            patterns.add(Pattern.compile(regex));
        }
        return this;
    }
}
