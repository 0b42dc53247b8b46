// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The launches of a program while they are collected, and what the classes of op families need for that. */
final class Recording {
    /** Where a scratch part may start: a multiple of every vector width. */
    private static final long SCRATCH_ALIGNMENT = 16;

    private final OpenClDevice device;
    private final @Nullable OpenClRuntime runtime;
    private final Tuning tuning;
    private final List<Launch> launches = new ArrayList<>();
    private long scratchUsed;
    private long scratchNeeded;

    /**
     * @param runtime whose tensors are accepted; null to accept any, for plans that never run
     */
    Recording(OpenClDevice device, @Nullable OpenClRuntime runtime, Tuning tuning) {
        this.device = device;
        this.runtime = runtime;
        this.tuning = tuning;
    }

    List<Launch> launches() {
        return launches;
    }

    /** Elements of the scratch buffer that all operations share, one after the other. */
    long scratchNeeded() {
        return scratchNeeded;
    }

    OpenClDevice device() {
        return device;
    }

    Tuning tuning() {
        return tuning;
    }

    /** A tensor as this backend's own; in a plan, one of its shape. */
    OpenClTensor own(Tensor tensor) {
        OpenClTensor own = runtime == null ? OpenClTensor.planned(tensor) : requireOwn(tensor, runtime);
        if (own.elements() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    own.describe() + " has more than 2^31 - 1 elements, which one kernel cannot number");
        }
        return own;
    }

    private OpenClTensor requireOwn(Tensor tensor, OpenClRuntime owner) {
        if (tensor instanceof OpenClTensor own && own.buffer().runtime() == owner) {
            return own;
        }
        throw new IllegalArgumentException(tensor.describe() + " is not a tensor of " + device.name());
    }

    void add(Launch launch) {
        launches.add(launch);
    }

    /** Starts an operation: the scratch of the one before is free, because the queue runs launches in order. */
    void beginOperation() {
        scratchUsed = 0;
    }

    Operand.Scratch scratch(long elements) {
        long start = scratchUsed;
        scratchUsed += (elements + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
        scratchNeeded = Math.max(scratchNeeded, scratchUsed);
        return new Operand.Scratch(start, elements);
    }

    Launch.Builder kernel(String file, String kernel) {
        return new Launch.Builder(this, file, kernel);
    }

    /** A kernel that works on vectors of {@code vector} elements. */
    Launch.Builder kernel(String file, String kernel, int vector) {
        return kernel(file, kernel).define("VW", vector);
    }

    /**
     * The device's preferred vector width where it divides rows of {@code length} and the start of every tensor, so that
     * a kernel needs no remainder and every vector is aligned; else 1. In between there is nothing, because every width
     * is one more program to compile.
     */
    int vector(long length, @Nullable Tensor... tensors) {
        Operand[] operands = new Operand[tensors.length];
        for (int i = 0; i < tensors.length; i++) {
            operands[i] = tensors[i] == null ? null : own(tensors[i]);
        }
        return vector(length, operands);
    }

    int vector(long length, @Nullable Operand... operands) {
        int preferred = tuning.get("vector.VW");
        return divides(preferred, length, operands) ? preferred : 1;
    }

    /** Whether vectors of {@code vector} elements fit rows of {@code length} and the start of every operand. */
    static boolean divides(int vector, long length, @Nullable Operand... operands) {
        long common = length;
        for (Operand operand : operands) {
            common |= operand == null ? 0 : operand.start();
        }
        return common % vector == 0; // vector is a power of two
    }

    /** Into how many chunks a reduction over {@code rows} is split: enough to fill the device, fixed for the device. */
    int chunks(int rows, long itemsPerChunk) {
        long wanted = Math.max(1, (long) device.computeUnits() * tuning.get("columns.ITEMS_PER_UNIT") / itemsPerChunk);
        return (int) Math.max(1, Math.min(wanted, rows / tuning.get("columns.LEAST_ROWS")));
    }
}
