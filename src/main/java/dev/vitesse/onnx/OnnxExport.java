// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.onnx;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Tensor;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.io.VitConfigs;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.onnx.OnnxGraph.Attribute;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A Vision Transformer as an ONNX file (opset 17): input {@code pixel_values} [batch, C, S, S], prepared as the model was
 * trained; output {@code logits} [batch, K], or {@code features} of a model without a head. The batch may have any size.
 * The file's metadata holds the configuration under our keys.
 */
public final class OnnxExport {
    private final OnnxGraph graph = new OnnxGraph();
    private final VitConfig c;
    private final VisionTransformer model;
    private final Map<String, Tensor> weights;

    private OnnxExport(VisionTransformer model) {
        this.model = model;
        c = model.config();
        weights = model.weights().named();
    }

    /**
     * Writes a model.
     *
     * @throws IllegalArgumentException if it is larger than the 2 GB that an ONNX file of one piece may have
     * @throws dev.vitesse.io.UnwritableFileException if the file cannot be written
     */
    public static void write(Path path, VisionTransformer model, ModelInfo info) throws IOException {
        new OnnxExport(model).write(path, info);
    }

    private void write(Path path, ModelInfo info) throws IOException {
        String x = embedding("pixel_values");
        for (int layer = 0; layer < c.depth(); layer++) {
            x = block(x, "blocks." + layer + ".");
        }
        String result = head(x);
        String name = c.classes() == 0 ? "features" : "logits";
        graph.node("Identity", List.of(result), List.of(name));
        graph.write(path, OnnxGraph.value("pixel_values", c.channels(), c.imageSize(), c.imageSize()),
                OnnxGraph.value(name, c.outputs()), VitConfigs.toMetadata(c, info));
    }

    /** Images to tokens: [B, C, S, S] to [B, T, D]. */
    private String embedding(String images) {
        String patches = c.projectionNorms() ? normedPatches(images) : projectedPatches(images);
        Tensor position = model.position();
        int width = c.width();
        int prefix = c.prefixTokens();
        if (prefix > 0) {
            String tokens = graph.weight("prefix_tokens", model.weights().prefix()::toFloats, 1, prefix, width);
            String batch = graph.node("Gather", List.of(graph.node("Shape", List.of(images)), graph.integers(0)),
                    attribute("axis", 0));
            String shape = graph.node("Concat", List.of(batch, graph.integers(prefix, width)), attribute("axis", 0));
            String expanded = graph.node("Expand", List.of(tokens, shape));
            patches = graph.node("Concat", List.of(expanded, patches), attribute("axis", 1));
        }
        String positions = graph.weight("pos_embed", () -> positionOfEachToken(position), 1, c.tokens(), width);
        String x = graph.node("Add", List.of(patches, positions));
        return c.patchNorm() ? norm(x, "norm_pre") : x;
    }

    /** Zeros where a token before the patches has no position of its own: [T, D]. */
    private float[] positionOfEachToken(Tensor position) {
        float[] given = position.toFloats();
        float[] all = new float[c.tokens() * c.width()];
        int positioned = c.positionedPrefix() * c.width();
        System.arraycopy(given, 0, all, 0, positioned);
        System.arraycopy(given, positioned, all, c.prefixTokens() * c.width(), c.patches() * c.width());
        return all;
    }

    private String projectedPatches(String images) {
        int patch = c.patchSize();
        String weight = weight("patch_embed.proj.weight", c.width(), c.channels(), patch, patch);
        String grid = graph.node("Conv", List.of(images, weight, weight("patch_embed.proj.bias", c.width())),
                attribute("kernel_shape", new long[] {patch, patch}),
                attribute("strides", new long[] {patch, patch}));
        String flat = graph.node("Reshape", List.of(grid, graph.integers(0, c.width(), c.patches())));
        return transpose(flat, 0, 2, 1);
    }

    private String normedPatches(String images) {
        int side = c.imageSize() / c.patchSize();
        int patch = c.patchSize();
        String apart = graph.node("Reshape", List.of(images, graph.integers(0, c.channels(), side, patch, side, patch)));
        String patches = graph.node("Reshape", List.of(transpose(apart, 0, 2, 4, 1, 3, 5),
                graph.integers(0, c.patches(), c.patchElements())));
        String projected = linear(norm(patches, "patch_embed.pre_norm"), "patch_embed.proj", c.width(),
                c.patchElements());
        return norm(projected, "patch_embed.norm");
    }

    private String block(String x, String name) {
        String attention = attention(norm(x, name + "norm1"), name + "attn.");
        String middle = branchEnd(x, attention, name + "ls1.gamma");
        String hidden = activation(linear(norm(middle, name + "norm2"), name + "mlp.fc1", c.mlpWidth(), c.width()),
                c.activation());
        return branchEnd(middle, linear(hidden, name + "mlp.fc2", c.width(), c.mlpWidth()), name + "ls2.gamma");
    }

    private String branchEnd(String x, String branch, String scale) {
        String scaled = weights.containsKey(scale)
                ? graph.node("Mul", List.of(branch, weight(scale, c.width()))) : branch;
        return graph.node("Add", List.of(x, scaled));
    }

    private String attention(String x, String name) {
        int width = c.attentionWidth();
        String qkv = linear(x, name + "qkv", 3 * width, c.width());
        // [B, T, 3, H, A] to [3, B, H, T, A].
        String apart = transpose(graph.node("Reshape",
                List.of(qkv, graph.integers(0, c.tokens(), 3, c.heads(), c.headWidth()))), 2, 0, 3, 1, 4);
        String query = graph.node("Gather", List.of(apart, graph.scalar(0)), attribute("axis", 0));
        String key = graph.node("Gather", List.of(apart, graph.scalar(1)), attribute("axis", 0));
        String value = graph.node("Gather", List.of(apart, graph.scalar(2)), attribute("axis", 0));
        String scaled = graph.node("Mul", List.of(query, graph.constant((float) (1 / Math.sqrt(c.headWidth())))));
        String scores = graph.node("MatMul", List.of(scaled, transpose(key, 0, 1, 3, 2)));
        String probabilities = graph.node("Softmax", List.of(scores), attribute("axis", -1));
        String context = transpose(graph.node("MatMul", List.of(probabilities, value)), 0, 2, 1, 3);
        String joined = graph.node("Reshape", List.of(context, graph.integers(0, c.tokens(), width)));
        return linear(joined, name + "proj", c.width(), width);
    }

    private String head(String last) {
        boolean normFirst = c.finalNorm() == VitConfig.FinalNorm.BEFORE_POOLING;
        String tokens = normFirst ? norm(last, "norm") : last;
        String pooled = switch (c.pooling()) {
            case CLASS_TOKEN, CLASS_AND_MEAN, CLASS_AND_DISTILLATION -> token(tokens, 0);
            case MEAN -> mean(tokens, c.prefixTokens());
            case MEAN_OF_ALL -> mean(tokens, 0);
        };
        String features = normFirst ? pooled : norm(pooled, "fc_norm");
        int inputs = c.width();
        for (int i = 0; i < c.headHidden().size(); i++) {
            String name = c.headHidden().size() == 1 ? "pre_logits.fc" : "pre_logits." + i + ".fc";
            features = activation(linear(features, name, c.headHidden().get(i), inputs), Activation.TANH);
            inputs = c.headHidden().get(i);
        }
        if (c.classes() == 0) {
            return features;
        }
        String logits = linear(features, "head", c.classes(), inputs);
        return switch (c.pooling()) {
            case CLASS_AND_MEAN -> graph.node("Add", List.of(logits,
                    linear(mean(tokens, c.prefixTokens()), "head_mean", c.classes(), inputs)));
            case CLASS_AND_DISTILLATION -> graph.node("Mul", List.of(graph.node("Add", List.of(logits,
                    linear(token(tokens, 1), "head_dist", c.classes(), inputs))), graph.constant(0.5f)));
            default -> logits;
        };
    }

    private String token(String tokens, int index) {
        return graph.node("Gather", List.of(tokens, graph.scalar(index)), attribute("axis", 1));
    }

    private String mean(String tokens, int first) {
        String counted = first == 0 ? tokens : graph.node("Slice",
                List.of(tokens, graph.integers(first), graph.integers(c.tokens()), graph.integers(1)));
        return graph.node("ReduceMean", List.of(counted), attribute("axes", new long[] {1}), attribute("keepdims", 0));
    }

    private String norm(String x, String name) {
        int width = Math.toIntExact(weights.get(name + ".weight").elements());
        return graph.node("LayerNormalization",
                List.of(x, weight(name + ".weight", width), weight(name + ".bias", width)), attribute("axis", -1),
                new Attribute("epsilon", c.layerNormEpsilon()));
    }

    /** x W^T + b; the matrix is stored transposed, as MatMul takes it. */
    private String linear(String x, String name, int outputs, int inputs) {
        Tensor weight = weights.get(name + ".weight");
        String matrix = graph.weight(name + ".weight", () -> transposed(weight.toFloats(), outputs, inputs), inputs, outputs);
        String product = graph.node("MatMul", List.of(x, matrix));
        return weights.containsKey(name + ".bias")
                ? graph.node("Add", List.of(product, weight(name + ".bias", outputs))) : product;
    }

    private static float[] transposed(float[] matrix, int rows, int columns) {
        float[] result = new float[matrix.length];
        for (int i = 0; i < rows; i++) {
            for (int j = 0; j < columns; j++) {
                result[j * rows + i] = matrix[i * columns + j];
            }
        }
        return result;
    }

    private String activation(String x, Activation activation) {
        return switch (activation) {
            case RELU -> graph.node("Relu", List.of(x));
            case TANH -> graph.node("Tanh", List.of(x));
            case GELU -> gelu(x, graph.node("Erf", List.of(
                    graph.node("Mul", List.of(x, graph.constant((float) Math.sqrt(0.5)))))));
            case GELU_TANH -> {
                String cube = graph.node("Mul", List.of(graph.node("Mul", List.of(x, x)), x));
                String sum = graph.node("Add", List.of(x, graph.node("Mul", List.of(cube, graph.constant(0.044715f)))));
                yield gelu(x, graph.node("Tanh", List.of(
                        graph.node("Mul", List.of(sum, graph.constant((float) Math.sqrt(2 / Math.PI)))))));
            }
        };
    }

    /** x/2 (1 + s). */
    private String gelu(String x, String s) {
        String half = graph.node("Mul", List.of(x, graph.constant(0.5f)));
        return graph.node("Mul", List.of(half, graph.node("Add", List.of(s, graph.constant(1f)))));
    }

    private String transpose(String x, long... order) {
        return graph.node("Transpose", List.of(x), attribute("perm", order));
    }

    private String weight(String name, int... shape) {
        Tensor tensor = weights.get(name);
        return graph.weight(name, tensor::toFloats, shape);
    }

    private static Attribute attribute(String name, int value) {
        return new Attribute(name, value);
    }

    private static Attribute attribute(String name, long[] values) {
        return new Attribute(name, values);
    }
}
