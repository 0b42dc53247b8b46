// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Shapes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One slab of parameters: a tensor of the model, or the same tensor of every block stacked along a leading depth axis.
 *
 * @param name timm's name; a block's without the block's number ({@code blocks.attn.qkv.weight})
 * @param kind what it is, which decides its initial values and whether it decays
 * @param depth number of blocks stacked, or 0 if it is not a block's
 * @param shape of one block's tensor
 */
record ParameterLayout(String name, Kind kind, int depth, int... shape) {
    private static final String BLOCKS = "blocks.";

    enum Kind {
        PATCH_WEIGHT(true),
        WEIGHT(true),
        HEAD_WEIGHT(true),
        BIAS(false),
        NORM_WEIGHT(false),
        NORM_BIAS(false),
        LAYER_SCALE(false),
        TOKEN(false),
        POSITION(false);

        private final boolean decays;

        Kind(boolean decays) {
            this.decays = decays;
        }

        /** Whether weight decay applies: to matrices only. */
        boolean decays() {
            return decays;
        }
    }

    /** Every slab of a model, in the order in which its tensors act. */
    static List<ParameterLayout> of(VitConfig c) {
        List<ParameterLayout> all = new ArrayList<>();
        int width = c.width();
        int attention = c.attentionWidth();
        Map<String, Integer> tokens = tokens(c);
        if (!tokens.isEmpty()) {
            String name = tokens.size() == 1 ? tokens.keySet().iterator().next() : "prefix_tokens";
            all.add(single(name, Kind.TOKEN, c.prefixTokens(), width));
        }
        if (c.position() == VitConfig.Position.LEARNED) {
            all.add(single("pos_embed", Kind.POSITION, c.positions(), width));
        }
        if (c.projectionNorms()) {
            addNorm(all, "patch_embed.pre_norm", 0, c.patchElements());
        }
        all.add(single("patch_embed.proj.weight", Kind.PATCH_WEIGHT, width, c.channels(), c.patchSize(), c.patchSize()));
        all.add(single("patch_embed.proj.bias", Kind.BIAS, width));
        if (c.projectionNorms()) {
            addNorm(all, "patch_embed.norm", 0, width);
        }
        if (c.patchNorm()) {
            addNorm(all, "norm_pre", 0, width);
        }
        addNorm(all, "blocks.norm1", c.depth(), width);
        all.add(block(c, "attn.qkv.weight", Kind.WEIGHT, 3 * attention, width));
        if (c.qkvBias()) {
            all.add(block(c, "attn.qkv.bias", Kind.BIAS, 3 * attention));
        }
        addBranchEnd(all, c, "attn.proj", "ls1", attention);
        addNorm(all, "blocks.norm2", c.depth(), width);
        all.add(block(c, "mlp.fc1.weight", Kind.WEIGHT, c.mlpWidth(), width));
        all.add(block(c, "mlp.fc1.bias", Kind.BIAS, c.mlpWidth()));
        addBranchEnd(all, c, "mlp.fc2", "ls2", c.mlpWidth());
        addNorm(all, c.finalNorm() == VitConfig.FinalNorm.BEFORE_POOLING ? "norm" : "fc_norm", 0, width);
        addHead(all, c);
        return List.copyOf(all);
    }

    /** timm's names of the tokens before the patches and how many of each there are, in the order of their rows. */
    static Map<String, Integer> tokens(VitConfig c) {
        Map<String, Integer> tokens = new LinkedHashMap<>();
        tokens.put("cls_token", c.classToken() ? 1 : 0);
        tokens.put("dist_token", c.distillationToken() ? 1 : 0);
        tokens.put("reg_token", c.registers());
        tokens.values().removeIf(count -> count == 0);
        return tokens;
    }

    private static void addHead(List<ParameterLayout> all, VitConfig c) {
        int features = c.width();
        for (int i = 0; i < c.headHidden().size(); i++) {
            int hidden = c.headHidden().get(i);
            all.add(single(hiddenName(c, i) + ".weight", Kind.WEIGHT, hidden, features));
            all.add(single(hiddenName(c, i) + ".bias", Kind.BIAS, hidden));
            features = hidden;
        }
        if (c.classes() > 0) {
            all.add(single("head.weight", Kind.HEAD_WEIGHT, c.classes(), features));
            all.add(single("head.bias", Kind.BIAS, c.classes()));
        }
        if (c.pooling() == VitConfig.Pooling.CLASS_AND_MEAN) {
            all.add(single("head_mean.weight", Kind.HEAD_WEIGHT, c.classes(), features));
        }
        if (c.pooling() == VitConfig.Pooling.CLASS_AND_DISTILLATION) {
            all.add(single("head_dist.weight", Kind.HEAD_WEIGHT, c.classes(), features));
            all.add(single("head_dist.bias", Kind.BIAS, c.classes()));
        }
    }

    /** timm's name of the head's hidden layer {@code index}; numbered where there are several. */
    static String hiddenName(VitConfig config, int index) {
        return config.headHidden().size() == 1 ? "pre_logits.fc" : "pre_logits." + index + ".fc";
    }

    private static void addNorm(List<ParameterLayout> all, String name, int depth, int width) {
        all.add(new ParameterLayout(name + ".weight", Kind.NORM_WEIGHT, depth, width));
        all.add(new ParameterLayout(name + ".bias", Kind.NORM_BIAS, depth, width));
    }

    private static void addBranchEnd(
            List<ParameterLayout> all, VitConfig c, String linear, String scale, int inputs) {
        all.add(block(c, linear + ".weight", Kind.WEIGHT, c.width(), inputs));
        all.add(block(c, linear + ".bias", Kind.BIAS, c.width()));
        if (c.layerScale() > 0) {
            all.add(block(c, scale + ".gamma", Kind.LAYER_SCALE, c.width()));
        }
    }

    private static ParameterLayout single(String name, Kind kind, int... shape) {
        return new ParameterLayout(name, kind, 0, shape);
    }

    private static ParameterLayout block(VitConfig c, String name, Kind kind, int... shape) {
        return new ParameterLayout(BLOCKS + name, kind, c.depth(), shape);
    }

    /** The slab's shape, the depth axis included. */
    int[] slabShape() {
        return depth == 0 ? shape : Shapes.prepend(depth, shape);
    }

    long elements() {
        return Shapes.elements(slabShape());
    }

    /** timm's name of block {@code layer}'s tensor: {@code blocks.3.attn.qkv.weight}. */
    String nameOfBlock(int layer) {
        return BLOCKS + layer + name.substring(BLOCKS.length() - 1);
    }
}
