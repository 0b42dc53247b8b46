// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.ElementType;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.Operand;
import dev.vitesse.kernels.Tolerance;
import dev.vitesse.model.Inference;
import dev.vitesse.model.Verification;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Optimizers;
import dev.vitesse.train.TrainingStep;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a workload's inputs are, and what the reference backend makes of them. */
final class References {
    /** About a minute of the reference. */
    private static final double MOST_REFERENCE_FLOPS = 5e10;

    private References() {}

    /**
     * A result's right values.
     *
     * @param values the first elements, or all
     */
    record Expected(String name, double[] values, Tolerance tolerance) {
        /**
         * How far {@code actual} is off.
         *
         * @return the largest difference as a share of the largest value expected; infinite if an element is out of
         *     tolerance and that share does not show it, or none is there
         */
        Difference difference(float[] actual) {
            if (actual.length < values.length) {
                return new Difference(Double.POSITIVE_INFINITY, false);
            }
            double largest = 0;
            double difference = 0;
            boolean within = true;
            for (int i = 0; i < values.length; i++) {
                largest = Math.max(largest, Math.abs(values[i]));
                // Math.max keeps NaN.
                difference = Math.max(difference, Math.abs(actual[i] - values[i]));
                within &= tolerance.accepts(values[i], actual[i]);
            }
            return new Difference(largest == 0 ? difference : difference / largest, within);
        }
    }

    /**
     * @param relative the largest difference as a share of the largest value
     * @param within whether every element is within its tolerance
     */
    record Difference(double relative, boolean within) {
        Difference and(Difference other) {
            return new Difference(Math.max(relative, other.relative), within && other.within);
        }
    }

    /** The backend whose results are the right ones: the reference, or the CPU's where that would take minutes. */
    static String device(Workload workload) {
        double each = workload.flops() / (double) workload.batch();
        boolean affordable = workload.kernelCase() != null
                || each * ModelData.checkedImages(workload) < MOST_REFERENCE_FLOPS;
        return affordable ? "reference" : "cpu";
    }

    /** A workload's inputs, as bits by name; for kernels also what the reference computes before. */
    static Map<String, int[]> inputs(Workload workload) {
        if (workload.kernelCase() != null) {
            return bits(workload.kernelCase(), CaseRunner.inputs(workload.kernelCase(), 0));
        }
        VitConfig config = workload.config();
        return Map.of(
                ModelData.IMAGES, Job.bits(ModelData.images(config, workload.batch())),
                ModelData.LABELS, ModelData.labels(config, workload.batch()));
    }

    private static Map<String, int[]> bits(KernelCase kernelCase, Map<String, double[]> values) {
        Map<String, int[]> inputs = new HashMap<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            if (operand.role() != Operand.Role.OUTPUT) {
                boolean ints = operand.type() == ElementType.INT32;
                inputs.put(operand.name(), Arrays.stream(values.get(operand.name()))
                        .mapToInt(x -> ints ? (int) x : Float.floatToRawIntBits((float) x))
                        .toArray());
            }
        }
        return inputs;
    }

    /** What has to come out. Of a batch, as many images as {@link ModelData#checkedImages} affords. */
    static List<Expected> expected(Workload workload) {
        return switch (workload.kind()) {
            case KERNEL -> ofKernel(workload.kernel());
            case INFERENCE -> ofInference(workload);
            case TRAINING -> ofTraining(workload);
        };
    }

    private static List<Expected> ofKernel(KernelCase kernelCase) {
        Map<String, double[]> values = CaseRunner.expected(kernelCase, CaseRunner.inputs(kernelCase, 0));
        List<Expected> expected = new ArrayList<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            if (operand.isResult()) {
                expected.add(new Expected(operand.name(), values.get(operand.name()), operand.tolerance()));
            }
        }
        return expected;
    }

    private static List<Expected> ofInference(Workload workload) {
        int count = ModelData.checkedImages(workload);
        try (Backend backend = Backends.open(device(workload));
                VisionTransformer model = VisionTransformer.create(workload.config(), backend, ModelData.SEED);
                Inference inference = model.inference(count)) {
            float[] logits = inference.logits(ModelData.images(workload.config(), count), count);
            return List.of(relative(InferenceJob.LOGITS, logits, Verification.FORWARD_TOLERANCE));
        }
    }

    private static List<Expected> ofTraining(Workload workload) {
        int count = ModelData.checkedImages(workload);
        VitConfig config = workload.config();
        try (Backend backend = Backends.open(device(workload));
                VisionTransformer model = VisionTransformer.create(config, backend, ModelData.SEED);
                TrainingStep step = new TrainingStep(model, count, Optimizers.adamW(0), 0, 0)) {
            Map<String, int[]> answer = new LinkedHashMap<>(TrainingJob.answer(step, ModelData.images(config, count),
                    Arrays.copyOf(ModelData.labels(config, workload.batch()), count), count));
            return List.of(
                    relative(TrainingJob.LOSS, Job.floats(answer.get(TrainingJob.LOSS)), Verification.FORWARD_TOLERANCE),
                    relative(TrainingJob.GRADIENT_NORM, Job.floats(answer.get(TrainingJob.GRADIENT_NORM)),
                            Verification.GRADIENT_TOLERANCE));
        }
    }

    /** Saves the weights that every process draws for itself, for peers, which do not. */
    static void writeWeights(Workload workload, Path folder) {
        try (Backend backend = Backends.open("reference");
                VisionTransformer model = VisionTransformer.create(workload.config(), backend, ModelData.SEED)) {
            ModelFiles.save(folder.resolve("weights"), model, ModelInfo.NONE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Expected relative(String name, float[] values, double tolerance) {
        double[] doubles = new double[values.length];
        double largest = 0;
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return new Expected(name, doubles, new Tolerance(tolerance, largest));
    }
}
