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
import dev.vitesse.model.Verification;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a workload's inputs are, and what has to come out. */
final class References {
    /** Whose results are the right ones. */
    static final String REFERENCE = "reference";
    /** With whom models are compared as a whole of which the reference computes a part. */
    static final String CPU = "cpu";

    private References() {}

    /**
     * A result's right values.
     *
     * @param name of the result
     * @param from the device that computed it
     * @param values the first elements, or all
     * @param tolerance of each element
     */
    record Expected(String name, String from, double[] values, Tolerance tolerance) {
        /**
         * How far {@code actual} is off, as a share of the largest value expected: infinitely if it lacks an element, NaN
         * if one is not a number.
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

    /**
     * What has to come out. Of a model the reference computes what {@link ModelData#checked} affords; the whole of a
     * larger one is compared with device cpu, whose part of it the reference checks.
     */
    static List<Expected> expected(Workload workload) {
        if (workload.kernelCase() != null) {
            return ofKernel(workload.kernel());
        }
        ModelData.Checked checked = ModelData.checked(workload);
        List<Expected> expected = new ArrayList<>();
        if (checked.isPartOf(workload)) {
            expected.addAll(ofModel(workload, checked, REFERENCE, ModelAnswers.PART));
            expected.addAll(ofModel(workload, new ModelData.Checked(workload.config(), checked.images()), CPU, ""));
        } else {
            expected.addAll(ofModel(workload, checked, REFERENCE, ""));
        }
        return expected;
    }

    /** As {@code from} stands in reports: {@code reference, 1 of 8 images, 1 of 12 blocks}. */
    static String description(Workload workload, String from) {
        if (workload.kernelCase() != null) {
            return from;
        }
        ModelData.Checked checked = ModelData.checked(workload);
        String images = checked.images() < workload.batch()
                ? ", " + checked.images() + " of " + workload.batch() + " images" : "";
        String blocks = from.equals(REFERENCE) && checked.isPartOf(workload)
                ? ", " + checked.config().depth() + " of " + workload.config().depth() + " blocks" : "";
        return from + images + blocks;
    }

    private static List<Expected> ofKernel(KernelCase kernelCase) {
        Map<String, double[]> values = CaseRunner.expected(kernelCase, CaseRunner.inputs(kernelCase, 0));
        List<Expected> expected = new ArrayList<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            if (operand.isResult()) {
                expected.add(
                        new Expected(operand.name(), REFERENCE, values.get(operand.name()), operand.tolerance()));
            }
        }
        return expected;
    }

    /** @param prefix of the results' names */
    private static List<Expected> ofModel(
            Workload workload, ModelData.Checked checked, String device, String prefix) {
        List<Expected> expected = new ArrayList<>();
        try (Backend backend = Backends.open(device)) {
            Map<String, float[]> answer = answer(workload.kind(), backend, checked);
            answer.forEach((name, values) -> {
                double tolerance = name.equals(ModelAnswers.LOGITS) || name.equals(ModelAnswers.LOSS)
                        ? Verification.FORWARD_TOLERANCE : Verification.GRADIENT_TOLERANCE;
                expected.add(relative(prefix + name, device, values, tolerance));
            });
        }
        return expected;
    }

    private static Map<String, float[]> answer(Workload.Kind kind, Backend backend, ModelData.Checked checked) {
        VitConfig config = checked.config();
        float[] images = ModelData.images(config, checked.images());
        return kind == Workload.Kind.INFERENCE
                ? ModelAnswers.ofInference(backend, config, images)
                : ModelAnswers.ofTraining(backend, config, images, ModelData.labels(config, checked.images()),
                        checked.images());
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

    private static Expected relative(String name, String from, float[] values, double tolerance) {
        double[] doubles = new double[values.length];
        double largest = 0;
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return new Expected(name, from, doubles, new Tolerance(tolerance, largest));
    }
}
