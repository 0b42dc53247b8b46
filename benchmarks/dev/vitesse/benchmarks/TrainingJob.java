// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.train.Optimizers;
import dev.vitesse.train.TrainingStep;
import java.util.HashMap;
import java.util.Map;

/** Training steps over one batch, with AdamW. */
final class TrainingJob implements Job {
    private static final float WEIGHT_DECAY = 0.05f;
    /** So small that thousands of steps over one batch stay in the range of usual losses. */
    private static final float LEARNING_RATE = 1e-5f;

    private final Workload workload;
    private final Backend backend;
    private final float[] images;
    private final int[] labels;
    private final VisionTransformer model;
    private final TrainingStep step;
    private int steps;

    TrainingJob(Workload workload, Backend backend, Inputs inputs) {
        this.workload = workload;
        this.backend = backend;
        images = Job.floats(inputs.read(ModelData.IMAGES));
        labels = inputs.read(ModelData.LABELS);
        model = VisionTransformer.create(workload.config(), backend, ModelData.SEED);
        step = new TrainingStep(model, workload.batch(), Optimizers.adamW(WEIGHT_DECAY), 0, 0);
    }

    @Override
    public void run() {
        TrainingStep.Result result = step.run(images, labels, LEARNING_RATE, ++steps, 0);
        if (!result.isFinite()) {
            throw new IllegalStateException("the loss became " + result.loss() + " at step " + steps);
        }
    }

    @Override
    public void await() {
        // The loss has been read.
    }

    /** The first step of a fresh model, in which only the images count that the reference can afford. */
    @Override
    public Map<String, int[]> answer() {
        ModelData.Checked checked = ModelData.checked(workload);
        Map<String, int[]> answer = new HashMap<>();
        ModelAnswers.ofTraining(backend, workload.config(), images, labels, checked.images())
                .forEach((name, values) -> answer.put(name, Job.bits(values)));
        if (checked.isPartOf(workload)) {
            ModelAnswers.ofTraining(backend, checked.config(), images, labels, checked.images())
                    .forEach((name, values) -> answer.put(ModelAnswers.PART + name, Job.bits(values)));
        }
        return answer;
    }

    @Override
    public void close() {
        step.close();
        model.close();
    }
}
