// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.kernels.KernelCase;
import dev.vitesse.model.VitConfig;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One thing to measure.
 *
 * @param preset the model whose shapes it has
 * @param batch images that one run takes
 * @param kernelCase what a kernel's workload calls, else null
 */
record Workload(Kind kind, String preset, int batch, @Nullable KernelCase kernelCase) {
    /** What is measured. */
    enum Kind {
        /** One call of one operation, its operands on the device. */
        KERNEL,
        /** From images on the heap to logits on the heap. */
        INFERENCE,
        /** From images and labels on the heap to the loss: forward, backward, AdamW. */
        TRAINING;

        String text() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private static final Pattern ID = Pattern.compile("(kernel|inference|training) (\\S+) b=(\\d+)(?: (.+))?");

    static Workload inference(String preset, int batch) {
        return new Workload(Kind.INFERENCE, preset, batch, null);
    }

    static Workload training(String preset, int batch) {
        return new Workload(Kind.TRAINING, preset, batch, null);
    }

    static Workload kernel(String preset, int batch, KernelCase kernelCase) {
        return new Workload(Kind.KERNEL, preset, batch, kernelCase);
    }

    /**
     * The workload that {@link #id} names, for a process that gets told nothing but that.
     *
     * @throws IllegalArgumentException if there is none
     */
    static Workload parse(String id) {
        Matcher matcher = ID.matcher(id);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("unknown workload '" + id + "'");
        }
        String preset = matcher.group(2);
        int batch = Integer.parseInt(matcher.group(3));
        String name = matcher.group(4);
        return switch (Kind.valueOf(matcher.group(1).toUpperCase(Locale.ROOT))) {
            case INFERENCE -> inference(preset, batch);
            case TRAINING -> training(preset, batch);
            case KERNEL -> kernel(preset, batch, kernelCase(preset, batch, name));
        };
    }

    private static KernelCase kernelCase(String preset, int batch, @Nullable String name) {
        return Suites.kernelCases(VitConfig.preset(preset), batch).stream()
                .filter(kernelCase -> kernelCase.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("preset " + preset + " has no kernel '" + name + "'"));
    }

    /** Unique, and the same in every run: {@code inference ti/16 b=8}. */
    String id() {
        String model = kind.text() + " " + preset + " b=" + batch;
        return kernelCase == null ? model : model + " " + kernelCase.name();
    }

    /** As tables show it: a kernel by its case alone, which tells the shapes. */
    String title() {
        return kernelCase == null ? id() : kernelCase.name();
    }

    /** What is computed: the operation of a kernel, else the kind. */
    String op() {
        return kernelCase == null ? kind.text() : kernelCase.op();
    }

    VitConfig config() {
        return VitConfig.preset(preset);
    }

    /** Floating-point operations of one run. */
    long flops() {
        return switch (kind) {
            case KERNEL -> kernel().flops();
            case INFERENCE -> batch * ModelCost.forwardFlops(config());
            case TRAINING -> batch * ModelCost.trainingFlops(config());
        };
    }

    /** Bytes that one run has to read and write at least. */
    long bytes() {
        return switch (kind) {
            case KERNEL -> kernel().bytes();
            case INFERENCE -> ModelCost.inferenceBytes(config(), batch);
            case TRAINING -> ModelCost.trainingBytes(config(), batch);
        };
    }

    /** The case of a kernel's workload. */
    KernelCase kernel() {
        if (kernelCase == null) {
            throw new IllegalStateException(id() + " is no kernel");
        }
        return kernelCase;
    }
}
