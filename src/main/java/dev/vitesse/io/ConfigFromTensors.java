// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the names and shapes of a checkpoint's tensors tell about its configuration. That is nearly everything; but not
 * the number of heads, unless the file keeps heads on an axis of their own as Google's do.
 */
final class ConfigFromTensors {
    private final TensorFile file;
    private final NamingScheme scheme;
    /** By timm's name with {@code #}, one tensor of that name; its rows are those of all parts together. */
    private final Map<String, Shape> shapes = new LinkedHashMap<>();
    private int blocks;
    private long heads;

    /** A shape in timm's order, and the file's tensor that tells it. */
    private record Shape(long[] sizes, String source) {
        /** The size of axis {@code axis}, counted from the end, where leading axes of one may or may not be. */
        long fromEnd(int axis) {
            return sizes.length < axis ? 1 : sizes[sizes.length - axis];
        }
    }

    private ConfigFromTensors(TensorFile file, NamingScheme scheme) {
        this.file = file;
        this.scheme = scheme;
    }

    /**
     * Adds to {@code draft} what it does not say yet.
     *
     * @param conventions whether to add also what the scheme's library always does, where there is no configuration
     */
    static void complete(ConfigDraft draft, TensorFile file, NamingScheme scheme, boolean conventions)
            throws InvalidFileException {
        ConfigFromTensors tensors = new ConfigFromTensors(file, scheme);
        try {
            tensors.readShapes();
            tensors.addSizes(draft);
            tensors.addStructure(draft);
            tensors.addImageSize(draft);
        } catch (ArithmeticException e) {
            throw new InvalidFileException(file.path(), "has tensors of absurd sizes", "check that it is the right file");
        }
        if (conventions) {
            String origin = "convention of " + scheme.title();
            draft.putIfAbsent("layer_norm_eps", scheme.family().layerNormEpsilon(), origin);
            if (!draft.has("gelu")) {
                draft.putIfAbsent("activation", VitConfigs.key(scheme.family().activation()), origin);
            }
        }
    }

    private void readShapes() {
        for (TensorFile.Entry entry : file.tensors().values()) {
            scheme.meaning(entry.name()).ifPresent(meaning -> {
                NamingScheme.Part part = meaning.part();
                long[] sizes = entry.shape();
                if (part.share() == NamingScheme.Share.BLOCK && sizes.length > 0) {
                    blocks = Math.max(blocks, Math.toIntExact(sizes[0]));
                    sizes = Arrays.copyOfRange(sizes, 1, sizes.length);
                } else {
                    blocks = Math.max(blocks, meaning.parameter().startsWith("blocks.") ? meaning.number() + 1 : 0);
                }
                if (part.rearrangement() == Rearrangement.TO_HEADS && sizes.length == 3) {
                    heads = sizes[1];
                }
                long[] timm = part.rearrangement().shapeFromFile(sizes).clone();
                int parts = scheme.parts(meaning.parameter().replace("#", "0")).size();
                if (timm.length > 0) {
                    timm[0] = Math.multiplyExact(timm[0], parts);
                }
                shapes.putIfAbsent(meaning.parameter(), new Shape(timm, entry.name()));
            });
        }
    }

    private boolean has(String parameter) {
        return shapes.containsKey(parameter);
    }

    /** Adds the size of an axis, counted from the end, of a parameter that the file has. */
    private void addSize(ConfigDraft draft, String key, String parameter, int axis) {
        Shape shape = shapes.get(parameter);
        if (shape != null) {
            draft.putIfAbsent(key, Math.toIntExact(shape.fromEnd(axis)), "tensor " + shape.source());
        }
    }

    private void addSizes(ConfigDraft draft) {
        addSize(draft, "hidden_dim", "norm.weight", 1);
        addSize(draft, "hidden_dim", "fc_norm.weight", 1);
        addSize(draft, "mlp_dim", "blocks.#.mlp.fc1.weight", 2);
        if (blocks > 0) {
            draft.putIfAbsent("num_layers", blocks, "tensors of blocks 0 to " + (blocks - 1));
        }
        if (heads > 0) {
            draft.putIfAbsent("num_heads", heads, "tensor " + shapes.get("blocks.#.attn.qkv.weight").source());
        }
        if (has("head.weight")) {
            addSize(draft, "num_classes", "head.weight", 2);
        } else {
            draft.dropUncertainHead("no tensor of a head");
            draft.putIfAbsent("num_classes", 0, "no tensor of a head");
        }
        Shape projection = shapes.get("patch_embed.proj.weight");
        if (projection != null && projection.sizes().length == 4) {
            addSize(draft, "channels", "patch_embed.proj.weight", 3);
            addSize(draft, "patch_size", "patch_embed.proj.weight", 1);
        } else if (projection != null && draft.has("patch_size") != draft.has("channels")) {
            addFlatPatch(draft, projection);
        }
        Shape qkv = shapes.get("blocks.#.attn.qkv.weight");
        int headCount = integer(draft, "num_heads");
        if (qkv != null && headCount > 0 && qkv.fromEnd(2) % (3L * headCount) == 0) {
            draft.putIfAbsent("head_width", Math.toIntExact(qkv.fromEnd(2) / 3 / headCount), "tensor " + qkv.source());
        }
    }

    /** A patch kept as one vector of P P C elements gives one of side and channels where the other is known. */
    private static void addFlatPatch(ConfigDraft draft, Shape projection) {
        long elements = projection.fromEnd(1);
        int patch = integer(draft, "patch_size");
        int channels = integer(draft, "channels");
        long side = channels > 0 ? (long) Math.sqrt(elements / (double) channels) : patch;
        if (side > 0 && elements % (side * side) == 0) {
            draft.putIfAbsent("patch_size", Math.toIntExact(side), "tensor " + projection.source());
            draft.putIfAbsent("channels", Math.toIntExact(elements / (side * side)), "tensor " + projection.source());
        }
    }

    /** What a configuration may leave out because tensors that are there speak for themselves. */
    private void addStructure(ConfigDraft draft) {
        addPresence(draft, "class_token", "cls_token", true);
        addPresence(draft, "distillation_token", "dist_token", true);
        addSize(draft, "registers", "reg_token", 2);
        addPresence(draft, "patch_norm", "norm_pre.weight", true);
        addPresence(draft, "projection_norms", "patch_embed.pre_norm.weight", true);
        addPresence(draft, "layer_scale", "blocks.#.ls1.gamma", 1);
        addPresence(draft, "final_norm", "fc_norm.weight", "after_pooling");
        addPresence(draft, "final_norm", "norm.weight", "before_pooling");
        if (has("blocks.#.attn.qkv.weight") && !has("blocks.#.attn.qkv.bias")) {
            draft.putIfAbsent("qkv_bias", false, "no block has one");
        }
        if (has("pre_logits.fc.weight")) {
            Shape hidden = shapes.get("pre_logits.fc.weight");
            boolean needed = scheme.reasonNotNeeded(hidden.source()) == null || integer(draft, "num_classes") == 0;
            if (needed) {
                draft.putIfAbsent("head_hidden", List.of(Math.toIntExact(hidden.fromEnd(2))), "tensor " + hidden.source());
            }
        }
        boolean vitPytorch = scheme.family() == NamingScheme.Family.LUCIDRAINS;
        if (vitPytorch && "mean".equals(text(draft, "pool"))) {
            draft.put("pool", "mean_of_all", "pool mean, which in vit-pytorch takes in all tokens");
        }
        addPool(draft);
    }

    private void addPresence(ConfigDraft draft, String key, String parameter, Object value) {
        Shape shape = shapes.get(parameter);
        if (shape != null) {
            draft.putIfAbsent(key, value, "tensor " + shape.source());
        }
    }

    private void addPool(ConfigDraft draft) {
        String origin = "convention of " + scheme.title();
        if (has("head_dist.weight")) {
            draft.putIfAbsent("pool", "class_and_distillation", "tensor " + shapes.get("head_dist.weight").source());
        } else if (has("head_mean.weight")) {
            draft.putIfAbsent("pool", "class_and_mean", "tensor " + shapes.get("head_mean.weight").source());
        } else if (has("fc_norm.weight") && scheme.family() == NamingScheme.Family.TIMM) {
            draft.putIfAbsent("pool", "mean", "tensor " + shapes.get("fc_norm.weight").source());
        } else {
            draft.putIfAbsent("pool", has("cls_token") ? "class_token" : "mean",
                    has("cls_token") ? origin : "no tensor of a class token");
        }
    }

    /**
     * From the number of positions: so many tokens before the patches have one that a square number is left. Where that
     * can be read in two ways, nothing is added.
     */
    private void addImageSize(ConfigDraft draft) {
        Shape positions = shapes.get("pos_embed");
        int patch = integer(draft, "patch_size");
        if (positions == null || patch <= 0) {
            return;
        }
        int classTokens = has("cls_token") ? 1 : 0;
        int prefix = classTokens + (has("dist_token") ? 1 : 0) + Math.max(0, integer(draft, "registers"));
        int known = integer(draft, "image_size");
        Map<Integer, Long> sides = new LinkedHashMap<>();
        for (int positioned : new int[] {prefix, classTokens, 0}) {
            long patches = positions.fromEnd(2) - positioned;
            long side = (long) Math.sqrt(Math.max(0, patches));
            if (side > 0 && side * side == patches && (known <= 0 || known == side * patch)) {
                sides.putIfAbsent(positioned, side);
            }
        }
        if (sides.size() == 1) {
            sides.forEach((positioned, side) -> {
                String origin = "tensor " + positions.source();
                draft.putIfAbsent("image_size", Math.toIntExact(side * patch), origin);
                if (positioned != prefix) {
                    draft.putIfAbsent("positioned_prefix", positioned, origin);
                }
            });
        }
    }

    private static int integer(ConfigDraft draft, String key) {
        try {
            return draft.has(key) ? draft.settings().integer(key) : -1;
        } catch (InvalidFileException e) {
            return -1;
        }
    }

    private static @Nullable String text(ConfigDraft draft, String key) {
        try {
            return draft.settings().textOrNull(key);
        } catch (InvalidFileException e) {
            return null;
        }
    }
}
