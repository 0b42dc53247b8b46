// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Activation;
import dev.vitesse.kernels.AttentionCase;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.LinearCase;
import dev.vitesse.kernels.ModelCases;
import dev.vitesse.kernels.NormCase;
import dev.vitesse.model.VitConfig;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** Lists of workloads. */
final class Suites {
    /** The operations that take nearly all of a model's time. */
    private static final Set<String> MAIN = Set.of("patchEmbedding", "layerNorm", "linear", "attention",
            "layerNormBackward", "linearBackwardInput", "linearBackwardWeight", "attentionBackward", "adam");

    private static final int SMALL_IMAGE = 64;
    private static final int SMALL_IMAGE_TRAINING_BATCH = 128;
    private static final int TRAINING_BATCH = 8;
    private static final int QUICK_TRAINING_BATCH = 2;

    private static final int LARGEST_KERNEL_BATCH = 8;

    /** Batches at which README compares inference with PyTorch's. */
    private static final int[] YARDSTICK_BATCHES = {1, 8};

    private Suites() {}

    /**
     * A preset's kernels, inference and training step.
     *
     * @param batches of inference; the kernels have the largest that the reference can follow, the training step one that
     *     suits the images
     * @param quick only what takes most of the time, and smaller training steps
     */
    static List<Workload> preset(String preset, List<Integer> batches, boolean quick) {
        VitConfig config = VitConfig.preset(preset);
        List<Workload> workloads = new ArrayList<>();
        for (int batch : batches) {
            workloads.add(Workload.inference(preset, batch));
        }
        workloads.add(Workload.training(preset, trainingBatch(config, quick)));
        int kernelBatch = batches.stream().filter(batch -> batch <= LARGEST_KERNEL_BATCH).max(Integer::compare)
                .orElse(LARGEST_KERNEL_BATCH);
        Set<String> quickOps = new HashSet<>();
        for (KernelCase kernelCase : ModelCases.of(config, kernelBatch)) {
            if (!quick || MAIN.contains(kernelCase.op()) && quickOps.add(kernelCase.op())) {
                workloads.add(Workload.kernel(preset, kernelBatch, kernelCase));
            }
        }
        return workloads;
    }

    private static int trainingBatch(VitConfig config, boolean quick) {
        return config.imageSize() <= SMALL_IMAGE ? SMALL_IMAGE_TRAINING_BATCH
                : quick ? QUICK_TRAINING_BATCH : TRAINING_BATCH;
    }

    /** What README compares with PyTorch: linear layers, LayerNorm, GELU and attention of b/16, inference, training. */
    static List<Workload> yardstick() {
        List<Workload> workloads = new ArrayList<>();
        for (String preset : List.of("ti/16", "s/16", "b/16")) {
            for (int batch : YARDSTICK_BATCHES) {
                workloads.add(Workload.inference(preset, batch));
            }
        }
        workloads.add(Workload.training("mnist", SMALL_IMAGE_TRAINING_BATCH));
        workloads.add(Workload.training("lightvit", SMALL_IMAGE_TRAINING_BATCH));
        for (int batch : YARDSTICK_BATCHES) {
            for (KernelCase kernelCase : yardstickLayers(batch)) {
                workloads.add(Workload.kernel("b/16", batch, kernelCase));
            }
        }
        for (KernelCase kernelCase : yardstickOthers(8)) {
            workloads.add(Workload.kernel("b/16", 8, kernelCase));
        }
        return workloads;
    }

    /** Whether it is one of the yardstick's linear layers, whose speed-ups {@link KeyFigures#LAYERS} is the mean of. */
    static boolean isYardstickLayer(Workload workload) {
        return workload.kernelCase() != null && workload.preset().equals("b/16") && yardstickLayers(workload.batch()).stream()
                .anyMatch(layer -> layer.name().equals(workload.kernelCase().name()));
    }

    /** Every case that a kernel's workload of a preset can have. */
    static List<KernelCase> kernelCases(VitConfig config, int batch) {
        List<KernelCase> cases = new ArrayList<>(ModelCases.of(config, batch));
        if (config.equals(VitConfig.preset("b/16"))) {
            cases.addAll(yardstickLayers(batch));
            cases.addAll(yardstickOthers(batch));
        }
        return cases;
    }

    private static List<KernelCase> yardstickLayers(int batch) {
        return Stream.of(new int[] {768, 2304}, new int[] {768, 768}, new int[] {768, 3072},
                        new int[] {3072, 768})
                .map(layer -> new LinearCase(batch, 197, layer[0], layer[1], false).forward(true))
                .toList();
    }

    private static List<KernelCase> yardstickOthers(int batch) {
        NormCase norm = new NormCase(batch, 197, 768, NormCase.Data.RANDOM);
        AttentionCase attention = new AttentionCase(batch, 197, 12, 64, AttentionCase.Data.RANDOM);
        return List.of(norm.forward(), norm.backward(),
                // GELU is no operation of its own but the end of the layer before it, or the start of its gradient.
                new LinearCase(batch, 197, 768, 3072, false).activate(Activation.GELU, false, true),
                new LinearCase(batch, 197, 3072, 768, false).backwardInput(Activation.GELU),
                attention.forward(false), attention.backward());
    }
}
