// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Recomputes what another implementation computed for the same weights and the same batch, and compares: logits, mean
 * cross-entropy, what the modules give, and the gradients of parameters and images. One forward and one backward pass
 * serve any number of comparisons.
 *
 * <p>Tensors are called as in reference files written with PyTorch: {@code logits}, {@code loss}, {@code
 * activation.<timm's module>}, {@code grad.<timm's parameter>} and {@code grad.input}.
 */
public final class Verification implements AutoCloseable {
    /** Largest difference allowed to a forward tensor, as a share of its largest value. */
    public static final double FORWARD_TOLERANCE = 2e-5;

    /** Largest difference allowed to a gradient, likewise. */
    public static final double GRADIENT_TOLERANCE = 1e-4;

    private final VitConfig config;
    private final Activations activations;
    private final ActivationGradients activationGradients;
    private final Parameters gradients;
    private final Tensor metrics;
    private final Tensor labels;
    private final Tensor position;
    /** How to read each tensor that can be compared. */
    private final Map<String, Supplier<float[]>> tensors = new LinkedHashMap<>();
    private final Map<String, int[]> shapes = new LinkedHashMap<>();

    /**
     * How one tensor differs.
     *
     * @param tensor its name
     * @param elements how many were compared
     * @param largest the largest absolute value expected
     * @param difference the largest absolute difference; NaN if a value is not a number
     * @param tolerance the largest difference allowed, as a share of {@code largest}
     */
    public record Comparison(String tensor, long elements, double largest, double difference, double tolerance) {
        /** The largest difference as a share of the largest value expected; the difference itself if that is zero. */
        public double relativeDifference() {
            return largest == 0 ? difference : difference / largest;
        }

        public boolean withinTolerance() {
            return relativeDifference() <= tolerance;
        }
    }

    /**
     * Computes everything for one batch.
     *
     * @param images [B, C, S, S], normalised as the model was trained
     * @param labels [B]
     * @throws IllegalArgumentException if the sizes do not fit the model, or it drops elements or paths in training
     */
    public Verification(VisionTransformer model, float[] images, int[] labels) {
        config = model.config();
        if (config.dropout() > 0 || config.dropPath() > 0) {
            throw new IllegalArgumentException("a model with dropout cannot be verified: its gradients are random");
        }
        int batch = labels.length;
        if (batch == 0 || images.length != (long) batch * config.imageElements()) {
            throw new IllegalArgumentException("images has " + images.length + " elements; " + batch
                    + " labels need " + (long) batch * config.imageElements() + ", at least one image");
        }
        for (int label : labels) {
            if (label < 0 || label >= config.classes()) {
                throw new IllegalArgumentException("label " + label + " is not one of 0 to " + (config.classes() - 1));
            }
        }
        Backend backend = model.backend();
        activations = model.activations(batch, true);
        activationGradients = model.activationGradients(batch, true);
        gradients = model.likeWeights("gradient");
        metrics = backend.tensor("metrics", 2);
        this.labels = backend.tensor("labels", ElementType.INT32, batch);
        position = model.position();
        activations.images.write(images);
        this.labels.write(labels);
        try (Program program = backend.record("verification", k -> {
            model.forward(k, activations);
            k.crossEntropy(metrics, activationGradients.dLogits, activations.logits, this.labels, 0);
            model.backward(k, activations, activationGradients, gradients);
        })) {
            program.run();
            listTensors();
            // Waits until the device is done with the program.
            metrics.toFloats();
        }
    }

    private void listTensors() {
        Activations a = activations;
        int batch = a.batch();
        int side = config.imageSize() / config.patchSize();
        int[] tokens = {batch, config.tokens(), config.width()};
        add("logits", a.logits);
        add("loss", () -> new float[] {metrics.toFloats()[0]}, 1);
        add("activation.patch_embed.proj", this::projectedPatches, batch, config.width(), side, side);
        if (config.patchNorm()) {
            add("activation.norm_pre", a.x(0));
        }
        for (int layer = 0; layer < config.depth(); layer++) {
            String block = "activation.blocks." + layer;
            int attention = 2 * layer;
            int mlp = 2 * layer + 1;
            add(block + ".norm1", a.norm(attention));
            add(block + ".attn", () -> branch(attention), tokens);
            add(block + ".norm2", a.norm(mlp));
            add(block + ".mlp", () -> branch(mlp), tokens);
            add(block, a.x(mlp + 1));
        }
        if (a.tokensNorm != null) {
            add("activation.norm", a.tokensNorm);
        } else {
            add("activation.fc_norm", a.pooledNorm);
        }
        gradients.named().forEach((name, gradient) -> add("grad." + name, gradient));
        add("grad.input", activationGradients.dImages);
    }

    private void add(String name, Tensor tensor) {
        add(name, tensor::toFloats, tensor.shape());
    }

    private void add(String name, Supplier<float[]> value, int... shape) {
        tensors.put(name, value);
        shapes.put(name, shape);
    }

    /** The convolution's output as PyTorch lays it out, [B, D, S/P, S/P]: the embedded patches without positions. */
    private float[] projectedPatches() {
        if (activations.normedPatches != null) {
            return widthFirst(activations.normedPatches.projected.toFloats(), 0, null);
        }
        return widthFirst(activations.embedded.toFloats(), config.prefixTokens(), position.toFloats());
    }

    /**
     * Takes the patches out of [B, first + N, D] and puts D before them.
     *
     * @param positions subtracted from each patch, those of the patches last: [Q, D]; or null
     */
    private float[] widthFirst(float[] tokens, int first, float @Nullable [] positions) {
        int patches = config.patches();
        int width = config.width();
        float[] result = new float[activations.batch() * width * patches];
        for (int b = 0; b < activations.batch(); b++) {
            for (int n = 0; n < patches; n++) {
                int token = (b * (first + patches) + first + n) * width;
                int row = positions == null ? 0 : positions.length - (patches - n) * width;
                for (int d = 0; d < width; d++) {
                    result[(b * width + d) * patches + n] =
                            tokens[token + d] - (positions == null ? 0 : positions[row + d]);
                }
            }
        }
        return result;
    }

    /** What branch {@code index} adds to the residual stream, before LayerScale. */
    private float[] branch(int index) {
        Tensor kept = activations.branch(index);
        if (kept != null) {
            return kept.toFloats();
        }
        float[] before = activations.x(index).toFloats();
        float[] branch = activations.x(index + 1).toFloats();
        for (int i = 0; i < branch.length; i++) {
            branch[i] -= before[i];
        }
        return branch;
    }

    /** Names of the tensors that can be compared. */
    public List<String> tensors() {
        return List.copyOf(tensors.keySet());
    }

    /** PyTorch's shape of one of {@link #tensors}. */
    public int[] shape(String tensor) {
        return shapes.get(tensor).clone();
    }

    /**
     * What this model gives for {@code tensor}, in the order of PyTorch's memory.
     *
     * @throws IllegalArgumentException if the model has no such tensor
     */
    public float[] value(String tensor) {
        Supplier<float[]> read = tensors.get(tensor);
        if (read == null) {
            throw new IllegalArgumentException("nothing to compare tensor '" + tensor + "' with; known are "
                    + String.join(", ", new TreeSet<>(tensors.keySet())));
        }
        return read.get();
    }

    /**
     * Compares one tensor.
     *
     * @throws IllegalArgumentException if the model has no such tensor, or another number of elements
     */
    public Comparison compare(String tensor, float[] expected) {
        float[] actual = value(tensor);
        if (actual.length != expected.length) {
            throw new IllegalArgumentException("tensor '" + tensor + "' has " + expected.length
                    + " elements; the model's has " + actual.length);
        }
        double largest = 0;
        double difference = 0;
        for (int i = 0; i < actual.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            // Math.max keeps a NaN, which no tolerance admits.
            difference = Math.max(difference, Math.abs((double) actual[i] - expected[i]));
        }
        double tolerance = tensor.startsWith("grad.") ? GRADIENT_TOLERANCE : FORWARD_TOLERANCE;
        return new Comparison(tensor, actual.length, largest, difference, tolerance);
    }

    /** Compares every tensor of {@code expected}, by name; see {@link #compare(String, float[])}. */
    public List<Comparison> compare(Map<String, float[]> expected) {
        List<Comparison> comparisons = new ArrayList<>();
        expected.forEach((tensor, values) -> comparisons.add(compare(tensor, values)));
        return comparisons;
    }

    @Override
    public void close() {
        activations.close();
        activationGradients.close();
        gradients.close();
        metrics.close();
        labels.close();
    }
}
