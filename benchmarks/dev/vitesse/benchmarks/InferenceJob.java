// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Images on the heap to logits on the heap, as a program that classifies does it. */
final class InferenceJob implements Job {
    private final Workload workload;
    private final Backend backend;
    private final VisionTransformer model;
    private final Inference inference;
    private final float[] images;

    InferenceJob(Workload workload, Backend backend, Inputs inputs) {
        this.workload = workload;
        this.backend = backend;
        images = Job.floats(inputs.read(ModelData.IMAGES));
        model = VisionTransformer.create(workload.config(), backend, ModelData.SEED);
        inference = model.inference(workload.batch());
    }

    @Override
    public void run() {
        inference.logits(images, inference.batch());
    }

    @Override
    public void await() {
        // The logits have been read.
    }

    @Override
    public Map<String, int[]> answer() {
        Map<String, int[]> answer = new HashMap<>();
        answer.put(ModelAnswers.LOGITS, Job.bits(inference.logits(images, inference.batch())));
        ModelData.Checked checked = ModelData.checked(workload);
        if (checked.isPartOf(workload)) {
            float[] few = Arrays.copyOf(images, checked.images() * checked.config().imageElements());
            ModelAnswers.ofInference(backend, checked.config(), few)
                    .forEach((name, values) -> answer.put(ModelAnswers.PART + name, Job.bits(values)));
        }
        return answer;
    }

    @Override
    public void close() {
        inference.close();
        model.close();
    }
}
