// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Optimizers;
import dev.vitesse.train.TrainingStep;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/** What of a model's results is compared, by name; every process draws the same weights. */
final class ModelAnswers {
    static final String LOGITS = "logits";
    static final String LOSS = "loss";
    static final String GRADIENT_NORM = "gradientNorm";
    /** Before timm's name of a parameter: {@link ModelData#sample} of its gradient. */
    static final String GRADIENT = "grad.";
    /** Before the results of a model's first blocks alone. */
    static final String PART = "part.";

    private static final float LEARNING_RATE = 1e-5f;

    private ModelAnswers() {}

    /** @param images [B, C, S, S] */
    static Map<String, float[]> ofInference(Backend backend, VitConfig config, float[] images) {
        int batch = images.length / config.imageElements();
        try (VisionTransformer model = VisionTransformer.create(config, backend, ModelData.SEED);
                Inference inference = model.inference(batch)) {
            return Map.of(LOGITS, inference.logits(images, batch));
        }
    }

    /**
     * Loss, gradient norm and gradients of a fresh model's first step.
     *
     * @param images [B, C, S, S]
     * @param labels [B]
     * @param counted how many images count; the others are padding
     */
    static Map<String, float[]> ofTraining(
            Backend backend, VitConfig config, float[] images, int[] labels, int counted) {
        int[] few = labels.clone();
        Arrays.fill(few, counted, few.length, -1);
        Map<String, float[]> answer = new LinkedHashMap<>();
        try (VisionTransformer model = VisionTransformer.create(config, backend, ModelData.SEED);
                TrainingStep step = new TrainingStep(model, few.length, Optimizers.adamW(0), 0, 0)) {
            TrainingStep.Result result = step.run(images, few, LEARNING_RATE, 1, 0);
            answer.put(LOSS, new float[] {result.loss()});
            answer.put(GRADIENT_NORM, new float[] {result.gradientNorm()});
            step.gradients().forEach((name, gradient) ->
                    answer.put(GRADIENT + name, ModelData.sample(gradient.toFloats())));
        }
        return answer;
    }
}
