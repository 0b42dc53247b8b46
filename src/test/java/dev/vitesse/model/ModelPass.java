// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/** A training model with random weights and a random batch, whose third image has no label; and its two passes. */
final class ModelPass implements AutoCloseable {
    private static final int BATCH = 3;
    private static final float SMOOTHING = 0.1f;

    final VisionTransformer model;
    final Activations activations;
    final Program forward;
    private final Program backward;
    private final ActivationGradients activationGradients;
    private final Parameters gradients;
    private final Tensor metrics;

    ModelPass(VitConfig config, Backend backend) {
        model = new VisionTransformer(config, backend);
        activations = model.activations(BATCH, true);
        activationGradients = model.activationGradients(BATCH, true);
        gradients = model.likeWeights("gradient");
        metrics = backend.tensor("metrics", 2);
        Tensor labels = backend.tensor("labels", ElementType.INT32, BATCH);
        labels.write(new int[] {1, 2, -1});
        if (activations.random != null) {
            activations.random.write(new int[] {123, 4});
        }
        variables().forEach((name, tensor) -> tensor.write(values(name, tensor)));
        forward = backend.record("forward", k -> {
            model.forward(k, activations);
            k.crossEntropy(metrics, activationGradients.dLogits, activations.logits, labels, SMOOTHING);
        });
        backward = backend.record("backward", k -> model.backward(k, activations, activationGradients, gradients));
    }

    /** No parameter at a special value such as zero; norms and scales around one. */
    private static float[] values(String name, Tensor tensor) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        double center = name.contains("norm") && name.endsWith("weight") || name.endsWith("gamma") ? 1 : 0;
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (center + random.nextDouble(-0.7, 0.7));
        }
        return values;
    }

    /** What the loss is a function of: the parameters and the images. */
    Map<String, Tensor> variables() {
        Map<String, Tensor> variables = new LinkedHashMap<>(model.weights().named());
        variables.put("images", activations.images);
        return variables;
    }

    /** The gradient of each of {@link #variables}. */
    Map<String, Tensor> gradients() {
        Map<String, Tensor> all = new LinkedHashMap<>(gradients.named());
        all.put("images", activationGradients.dImages);
        return all;
    }

    /** Runs both passes, and again: what the first left in a buffer must not change what the second gives. */
    void run() {
        for (int i = 0; i < 2; i++) {
            forward.run();
            backward.run();
        }
    }

    /** Mean loss and number correct. */
    Tensor metrics() {
        return metrics;
    }

    @Override
    public void close() {
        forward.close();
        backward.close();
        model.close();
        activations.close();
        activationGradients.close();
        gradients.close();
        metrics.close();
    }
}
