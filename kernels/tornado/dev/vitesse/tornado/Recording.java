// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Collects a program's launches, the tensors it works on, and the memory of its own. */
final class Recording {
    /** Of a kernel that goes on by the size of its grid: its indexes then stay below 2^31. */
    private static final int MOST_GROUPS = 1 << 18;

    private static final long MOST_ITEMS = Integer.MAX_VALUE - (long) MOST_GROUPS * TornadoCopy.LOCAL;
    private static final int GROUPS_PER_UNIT = 8;

    private final DeviceMemory memory;
    private final List<Launch> launches = new ArrayList<>();
    private final Set<Allocation> tensors = Collections.newSetFromMap(new IdentityHashMap<>());
    private final List<Allocation> own = new ArrayList<>();
    /** Scratch of earlier operations, which later ones use again. */
    private final List<Allocation> idleScratch = new ArrayList<>();

    private final List<Allocation> busyScratch = new ArrayList<>();
    private final Map<List<Float>, Integer> constants = new HashMap<>();
    /** Calls of one kind that wait for more of it, to become one launch. */
    private final List<BatchRow> batch = new ArrayList<>();

    private @Nullable Object batchKind;
    private @Nullable Consumer<List<BatchRow>> batchLaunch;
    private final int computeUnits;
    private final TornadoVariant variant;

    /**
     * One call of a batch.
     *
     * @param starts of its tensors
     * @param elements of its tensors, in the same order
     * @param decay a constant of its own
     */
    record BatchRow(int[] starts, int[] elements, float decay) {
        boolean overlaps(BatchRow other) {
            for (int i = 0; i < starts.length; i++) {
                for (int j = 0; j < other.starts.length; j++) {
                    if (starts[i] < other.starts[j] + other.elements[j] && other.starts[j] < starts[i] + elements[i]) {
                        return true;
                    }
                }
            }
            return false;
        }
    }

    /**
     * @param computeUnits of the device, over which large products are split
     * @param variant which kernels it is for
     */
    Recording(DeviceMemory memory, int computeUnits, TornadoVariant variant) {
        this.memory = memory;
        this.computeUnits = computeUnits;
        this.variant = variant;
    }

    /** Whether kernels are those of a CPU, merged and of equal grids, so that as few as possible are compiled. */
    boolean compact() {
        return variant.compact();
    }

    /** What computes products instead of our kernel, or null. */
    @Nullable TornadoKernel library() {
        return variant.library();
    }

    int computeUnits() {
        return computeUnits;
    }

    /** Begins an operation, which may take the scratch of all before it. */
    Recording begin() {
        finish();
        return this;
    }

    /** Launches the calls that have waited. */
    void finish() {
        if (batchLaunch != null) {
            Consumer<List<BatchRow>> launch = batchLaunch;
            List<BatchRow> rows = List.copyOf(batch);
            batchLaunch = null;
            batchKind = null;
            batch.clear();
            launch.accept(rows);
        }
        idleScratch.addAll(busyScratch);
        busyScratch.clear();
    }

    /**
     * Lets a call wait for others of its kind that follow at once and work on other memory.
     *
     * @param kind equal for calls that one launch can serve
     * @param launch makes that launch
     */
    void batch(Object kind, BatchRow row, Consumer<List<BatchRow>> launch) {
        if (!kind.equals(batchKind) || batch.stream().anyMatch(row::overlaps)) {
            finish();
            batchKind = kind;
            batchLaunch = launch;
        }
        batch.add(row);
    }

    /** Where a tensor starts; -1 for one that is not there. */
    int at(@Nullable Tensor tensor) {
        if (tensor == null) {
            return -1;
        }
        if (!(tensor instanceof TornadoTensor own) || own.allocation().memory() != memory) {
            throw new IllegalArgumentException("tensor " + tensor.name() + " belongs to another backend");
        }
        own.allocation().checkOpen();
        tensors.add(own.allocation());
        return own.start();
    }

    /** Where {@code elements} floats of this operation's own start; they hold anything. */
    int scratch(long elements) {
        Allocation fitting = null;
        for (Allocation idle : idleScratch) {
            if (idle.elements() >= elements && (fitting == null || idle.elements() < fitting.elements())) {
                fitting = idle;
            }
        }
        if (fitting == null) {
            fitting = memory.allocate("scratch", ElementType.FLOAT32, elements);
            own.add(fitting);
        }
        idleScratch.remove(fitting);
        busyScratch.add(fitting);
        return fitting.start();
    }

    /** Where these constants start among the floats: kernels cannot have them as parameters, which are ints. */
    int constants(float... values) {
        List<Float> key = new ArrayList<>();
        for (float value : values) {
            key.add(value);
        }
        return constants.computeIfAbsent(key, unused -> store(values));
    }

    private int store(float... values) {
        Allocation allocation = memory.allocate("constants", ElementType.FLOAT32, values.length);
        own.add(allocation);
        memory.write(ElementType.FLOAT32, allocation.start(), MemorySegment.ofArray(values));
        return allocation.start();
    }

    /** Where these constants start among the ints: tables, which are too long for parameters. */
    int table(int... values) {
        Allocation allocation = memory.allocate("table", ElementType.INT32, values.length);
        own.add(allocation);
        memory.write(ElementType.INT32, allocation.start(), MemorySegment.ofArray(values));
        return allocation.start();
    }

    /** Adds a launch of so many work-groups; one without any is left out. */
    void launch(TornadoKernel kernel, long groupsX, long groupsY, long groupsZ, int... parameters) {
        if (groupsX > 0 && groupsY > 0 && groupsZ > 0) {
            launches.add(new Launch(kernel, parameters, Math.toIntExact(groupsX), Math.toIntExact(groupsY),
                    Math.toIntExact(groupsZ)));
        }
    }

    /** Adds a launch over {@code items} items, of which a work-item may have several. */
    void launchOver(TornadoKernel kernel, long items, int... parameters) {
        if (items > MOST_ITEMS) {
            throw new IllegalArgumentException("the tensors are too large for " + kernel.name() + ": it counts to "
                    + MOST_ITEMS + ", not to " + items);
        }
        TornadoKernel.Merge merge = kernel.merge();
        if (!compact() || merge == null) {
            launch(kernel, Math.min(MOST_GROUPS, Math.ceilDiv(items, (long) kernel.localX())), 1, 1, parameters);
        } else if (items > 0) {
            int[] withOperation = Arrays.copyOf(parameters, Launch.SLOT);
            withOperation[Launch.OPERATION] = merge.operation();
            launch(merge.kernel(), groups(), 1, 1, withOperation);
        }
    }

    /** The groups of every launch of a kernel that has one grid only. */
    int groups() {
        return GROUPS_PER_UNIT * computeUnits;
    }

    List<Launch> launches() {
        return launches;
    }

    Set<Allocation> allocations() {
        return tensors;
    }

    /** Gives back what belongs to the program alone. */
    void release() {
        own.forEach(Allocation::close);
    }
}
