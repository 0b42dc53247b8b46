// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.io.NamingScheme.Family;
import dev.vitesse.io.NamingScheme.Part;
import dev.vitesse.io.NamingScheme.Share;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The tables of every library's names. */
final class NamingSchemes {
    /** The first of {@link #all}: those that most files have. */
    static final List<NamingScheme> USUAL = usual();

    private NamingSchemes() {}

    /** All of them, made when a file needs them. */
    private static final class Every {
        static final List<NamingScheme> ALL = Stream.concat(USUAL.stream(), others().stream()).toList();
    }

    static List<NamingScheme> all() {
        return Every.ALL;
    }

    /** timm's own names. */
    static NamingScheme timm() {
        return USUAL.getFirst();
    }

    /** What Transformers writes of a ViT or DeiT. */
    static NamingScheme huggingFace(boolean deit, boolean teacher, boolean bare) {
        NamingScheme scheme = huggingFace(false, bare ? "" : deit ? "deit." : "vit.");
        return teacher ? scheme.layer("head", "cls_classifier").layer("head_dist", "distillation_classifier")
                : scheme.layer("head", "classifier");
    }

    /** What Transformers writes of a DINOv2. */
    static NamingScheme dinov2(boolean registers, boolean bare) {
        return dinov2(false, bare ? "" : registers ? "dinov2_with_registers." : "dinov2.", registers);
    }

    /** torchvision's names of today. */
    static NamingScheme torchvision() {
        return torchvision("mlp.0", "mlp.3");
    }

    private static List<NamingScheme> usual() {
        List<NamingScheme> usual = new ArrayList<>();
        usual.add(timm(new NamingScheme("timm", Family.TIMM), "reg_token"));
        usual.add(timm(new NamingScheme("Meta DINOv2", Family.META_DINOV2), "register_tokens"));
        usual.addAll(transformers(false));
        return List.copyOf(usual);
    }

    private static List<NamingScheme> transformers(boolean v5) {
        List<NamingScheme> schemes = new ArrayList<>();
        for (String prefix : List.of("vit.", "deit.", "")) {
            schemes.add(huggingFace(v5, prefix).layer("head", "classifier"));
        }
        schemes.add(huggingFace(v5, "deit.").layer("head", "cls_classifier")
                .layer("head_dist", "distillation_classifier"));
        for (String prefix : List.of("dinov2.", "dinov2_with_registers.", "")) {
            for (boolean registers : new boolean[] {false, true}) {
                schemes.add(dinov2(v5, prefix, registers));
            }
        }
        return schemes;
    }

    private static List<NamingScheme> others() {
        List<NamingScheme> all = new ArrayList<>(transformers(true));
        all.add(torchvision("mlp.0", "mlp.3"));
        all.add(torchvision("mlp.linear_1", "mlp.linear_2"));
        all.add(google(""));
        all.add(google("opt/target/"));
        for (String prefix : List.of("", "params/", "params/img/", "opt/params/", "opt/params/img/")) {
            all.add(bigVision(prefix));
            all.add(bigVision(prefix).stacked());
        }
        for (Lucidrains.Projection projection : Lucidrains.Projection.values()) {
            for (Lucidrains.Block block : Lucidrains.Block.values()) {
                all.add(Lucidrains.scheme(projection, block, true));
                all.add(Lucidrains.scheme(projection, block, false));
            }
        }
        return all;
    }

    private static NamingScheme timm(NamingScheme scheme, String registers) {
        scheme.tensor("reg_token", registers);
        for (String tensor : List.of("cls_token", "dist_token", "pos_embed", "blocks.#.ls1.gamma", "blocks.#.ls2.gamma",
                "head_mean.weight")) {
            scheme.tensor(tensor, tensor);
        }
        for (String layer : List.of("patch_embed.pre_norm", "patch_embed.proj", "patch_embed.norm", "norm_pre",
                "blocks.#.norm1", "blocks.#.attn.qkv", "blocks.#.attn.proj", "blocks.#.norm2", "blocks.#.mlp.fc1",
                "blocks.#.mlp.fc2", "norm", "fc_norm", "pre_logits.fc", "pre_logits.#.fc", "head", "head_dist")) {
            scheme.layer(layer, layer);
        }
        return scheme.notNeeded("mask_token", "it stands for masked patches in pretraining");
    }

    /**
     * ViT and DeiT: what Transformers writes (version 5 too), or with {@code v5} the names that version 5 has in memory.
     *
     * @param prefix empty for a bare backbone
     */
    private static NamingScheme huggingFace(boolean v5, String prefix) {
        String block = prefix + (v5 ? "layers.#." : "encoder.layer.#.");
        NamingScheme scheme = embeddings(new NamingScheme(v5 ? "Hugging Face v5" : "Hugging Face v4",
                Family.HUGGING_FACE), prefix)
                .tensor("dist_token", prefix + "embeddings.distillation_token")
                .layer("blocks.#.norm1", block + "layernorm_before")
                .layer("blocks.#.norm2", block + "layernorm_after")
                .layer("blocks.#.mlp.fc1", block + (v5 ? "mlp.fc1" : "intermediate.dense"))
                .layer("blocks.#.mlp.fc2", block + (v5 ? "mlp.fc2" : "output.dense"));
        String pooler = prefix + "pooler.dense";
        if (prefix.isEmpty()) {
            scheme.layer("pre_logits.fc", pooler);
        }
        return attention(scheme, block, v5).notNeeded(pooler + ".weight", "the classifier reads the class token itself")
                .notNeeded(pooler + ".bias", "the classifier reads the class token itself");
    }

    private static NamingScheme dinov2(boolean v5, String prefix, boolean registers) {
        String block = prefix + "encoder.layer.#.";
        NamingScheme scheme = embeddings(new NamingScheme("Hugging Face DINOv2" + (v5 ? " v5" : " v4"),
                registers ? Family.HUGGING_FACE_DINOV2_REGISTERS : Family.HUGGING_FACE_DINOV2), prefix);
        if (registers) {
            scheme.tensor("reg_token", prefix + "embeddings.register_tokens");
        }
        return attention(scheme, block, v5)
                .layer("blocks.#.norm1", block + "norm1")
                .tensor("blocks.#.ls1.gamma", block + "layer_scale1.lambda1")
                .layer("blocks.#.norm2", block + "norm2")
                .layer("blocks.#.mlp.fc1", block + "mlp.fc1")
                .layer("blocks.#.mlp.fc2", block + "mlp.fc2")
                .tensor("blocks.#.ls2.gamma", block + "layer_scale2.lambda1")
                .tensor("head.weight", List.of(halfOf("classifier.weight", 0)))
                .tensor("head_mean.weight", List.of(halfOf("classifier.weight", 1)))
                .tensor("head.bias", "classifier.bias")
                .notNeeded(prefix + "embeddings.mask_token", "it stands for masked patches in pretraining");
    }

    private static Part halfOf(String name, int index) {
        return new Part(name, Rearrangement.NONE, Share.HALF_OF_COLUMNS, index);
    }

    private static NamingScheme embeddings(NamingScheme scheme, String prefix) {
        return scheme.tensor("cls_token", prefix + "embeddings.cls_token")
                .tensor("pos_embed", prefix + "embeddings.position_embeddings")
                .layer("patch_embed.proj", prefix + "embeddings.patch_embeddings.projection")
                .layer("norm", prefix + "layernorm");
    }

    private static NamingScheme attention(NamingScheme scheme, String block, boolean v5) {
        String qkv = block + (v5 ? "attention." : "attention.attention.");
        String end = v5 ? "_proj" : "";
        return scheme
                .layer("blocks.#.attn.qkv", qkv + (v5 ? "q" : "query") + end, qkv + (v5 ? "k" : "key") + end,
                        qkv + (v5 ? "v" : "value") + end)
                .layer("blocks.#.attn.proj", block + (v5 ? "attention.o_proj" : "attention.output.dense"));
    }

    /** @param fc1 the MLP's first layer, which torchvision renamed in version 0.14; {@code fc2} likewise */
    private static NamingScheme torchvision(String fc1, String fc2) {
        String block = "encoder.layers.encoder_layer_#.";
        return new NamingScheme("torchvision", Family.TORCHVISION)
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
        NamingScheme scheme = new NamingScheme(title, Family.GOOGLE)
                .tensor("cls_token", prefix + "cls")
                .tensor("blocks.#.attn.qkv.weight", Rearrangement.TO_HEADS,
                        heads + "query/kernel", heads + "key/kernel", heads + "value/kernel")
                .tensor("blocks.#.attn.qkv.bias", Rearrangement.HEADS_BIAS,
                        heads + "query/bias", heads + "key/bias", heads + "value/bias");
        flaxLayer(scheme, "patch_embed.proj", prefix + "embedding", Rearrangement.CONVOLUTION);
        flaxNorm(scheme, "blocks.#.norm1", block + "LayerNorm_0");
        flaxLayer(scheme, "blocks.#.attn.proj", heads + "out", Rearrangement.FROM_HEADS);
        flaxNorm(scheme, "blocks.#.norm2", block + "LayerNorm_" + norm2);
        flaxLayer(scheme, "blocks.#.mlp.fc1", dense + "0", Rearrangement.TRANSPOSE);
        flaxLayer(scheme, "blocks.#.mlp.fc2", dense + "1", Rearrangement.TRANSPOSE);
        flaxNorm(scheme, "norm", prefix + "Transformer/encoder_norm");
        flaxLayer(scheme, "pre_logits.fc", prefix + "pre_logits", Rearrangement.TRANSPOSE);
        flaxLayer(scheme, "head", prefix + "head", Rearrangement.TRANSPOSE);
        return scheme;
    }

    private static void flaxLayer(NamingScheme scheme, String timm, String name, Rearrangement kernel) {
        scheme.tensor(timm + ".weight", kernel, name + "/kernel").tensor(timm + ".bias", name + "/bias");
    }

    private static void flaxNorm(NamingScheme scheme, String timm, String name) {
        scheme.tensor(timm + ".weight", name + "/scale").tensor(timm + ".bias", name + "/bias");
    }

    /**
     * lucidrains' vit-pytorch, whose modules have moved over the years: three forms of the patch projection, three of
     * the blocks and two of the end, in nearly all combinations.
     */
    private static final class Lucidrains {
        enum Projection {
            /** A linear layer. */
            LINEAR,
            /** A linear layer between two norms (version 0.38 and later). */
            NORMED,
            /** A linear layer under its first name. */
            FIRST
        }

        enum Block {
            /** {@code layers.0.0.fn.fn.to_qkv}: a residual round a norm round attention. */
            RESIDUAL,
            /** {@code layers.0.0.fn.to_qkv}: a norm round attention. */
            PRE_NORM,
            /** {@code layers.0.0.to_qkv}: the norm is part of attention (version 1.2 and later). */
            PLAIN
        }

        static NamingScheme scheme(Projection projection, Block block, boolean normBeforePooling) {
            NamingScheme scheme = new NamingScheme("lucidrains vit-pytorch", Family.LUCIDRAINS)
                    .tensor("cls_token", "cls_token").tensor("pos_embed", "pos_embedding");
            addProjection(scheme, projection);
            addBlock(scheme, block);
            return normBeforePooling ? scheme.layer("norm", "transformer.norm").layer("head", "mlp_head")
                    : scheme.layer("fc_norm", "mlp_head.0").layer("head", "mlp_head.1");
        }

        private static void addProjection(NamingScheme scheme, Projection projection) {
            String linear = switch (projection) {
                case LINEAR -> "to_patch_embedding.1";
                case NORMED -> "to_patch_embedding.2";
                case FIRST -> "patch_to_embedding";
            };
            scheme.tensor("patch_embed.proj.weight", Rearrangement.PATCH_MATRIX, linear + ".weight")
                    .tensor("patch_embed.proj.bias", linear + ".bias");
            if (projection == Projection.NORMED) {
                for (String kind : List.of(".weight", ".bias")) {
                    scheme.tensor("patch_embed.pre_norm" + kind, Rearrangement.PATCH_VECTOR, "to_patch_embedding.1" + kind);
                }
                scheme.layer("patch_embed.norm", "to_patch_embedding.3");
            }
        }

        private static void addBlock(NamingScheme scheme, Block block) {
            String attention = "transformer.layers.#.0.";
            String mlp = "transformer.layers.#.1.";
            String inner = switch (block) {
                case RESIDUAL -> "fn.fn.";
                case PRE_NORM -> "fn.";
                case PLAIN -> "";
            };
            boolean plain = block == Block.PLAIN;
            String norm = block == Block.RESIDUAL ? "fn.norm" : "norm";
            scheme.layer("blocks.#.norm1", attention + norm)
                    .layer("blocks.#.attn.qkv", attention + inner + "to_qkv")
                    .layer("blocks.#.attn.proj", attention + inner + "to_out.0")
                    .layer("blocks.#.norm2", mlp + (plain ? "net.0" : norm))
                    .layer("blocks.#.mlp.fc1", mlp + inner + (plain ? "net.1" : "net.0"))
                    .layer("blocks.#.mlp.fc2", mlp + inner + (plain ? "net.4" : "net.3"));
        }
    }
}
