// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The memory behind a tensor and its views: one array of floats or ints. */
final class CpuBuffer {
    private final CpuBackend owner;
    private final String name;
    private float @Nullable [] floats;
    private int @Nullable [] ints;
    private long version;
    /** Whether panels stand in the place of rows of some weights; volatile because any thread may ask for rows. */
    private volatile boolean replaced;
    /** Whether rows have been asked for when there were none. */
    private boolean wantsRows;
    private final List<PackedWeight> packed = new ArrayList<>();

    CpuBuffer(CpuBackend owner, String name, ElementType type, long elements) {
        this.owner = owner;
        this.name = name;
        switch (type) {
            case FLOAT32 -> floats = allocateFloats(name, elements);
            case INT32 -> ints = allocate(name, elements, int[]::new);
        }
    }

    /**
     * @throws DeviceException if the heap cannot hold the array; the message gives bytes asked and available
     */
    static float[] allocateFloats(String name, long elements) {
        return allocate(name, elements, float[]::new);
    }

    private static <T> T allocate(String name, long elements, java.util.function.IntFunction<T> constructor) {
        Runtime heap = Runtime.getRuntime();
        // The longest array that HotSpot makes is a few elements shorter than the largest int.
        if (elements > Integer.MAX_VALUE - 8) {
            throw new DeviceException("cpu: '" + name + "' needs " + 4 * elements + " bytes; one tensor can have "
                    + 4L * (Integer.MAX_VALUE - 8));
        }
        try {
            return constructor.apply((int) elements);
        } catch (OutOfMemoryError e) {
            long available = heap.maxMemory() - heap.totalMemory() + heap.freeMemory();
            throw new DeviceException("cpu: out of memory for '" + name + "': asked for " + 4 * elements
                    + " bytes, " + available + " available; raise Java's heap with -Xmx", e);
        }
    }

    CpuBackend owner() {
        return owner;
    }

    /** The array, with every element in its place. */
    float[] floats() {
        if (replaced) {
            restoreRows();
        }
        return array();
    }

    private synchronized void restoreRows() {
        if (replaced) {
            packed.forEach(PackedWeight::restoreRows);
            wantsRows = true;
            replaced = false;
        }
    }

    /** The array as it is: panels may stand in the place of rows. */
    float[] array() {
        float[] array = floats;
        if (array == null) {
            throw missing();
        }
        return array;
    }

    /** Whether {@code weight} may be packed where it lies: nobody has needed rows since, or lies there already. */
    boolean packsInPlace(PackedWeight weight) {
        return !wantsRows && packed.stream().noneMatch(other -> other != weight && other.takesFrom(weight));
    }

    /** Says that panels have taken the place of rows. */
    void replaced() {
        replaced = true;
    }

    int[] ints() {
        int[] array = ints;
        if (array == null) {
            throw missing();
        }
        return array;
    }

    private IllegalStateException missing() {
        return new IllegalStateException("tensor '" + name + "' is closed");
    }

    /** Grows whenever the contents may have changed. */
    long version() {
        return version;
    }

    void changed() {
        version++;
    }

    /**
     * The matrix [rows, columns] at {@code offset} in the order in which products read it; shared by all programs, and
     * kept as long as the buffer.
     */
    PackedWeight packed(int offset, int rows, int columns, boolean transposed) {
        for (PackedWeight candidate : packed) {
            if (candidate.matches(offset, rows, columns, transposed)) {
                return candidate;
            }
        }
        PackedWeight weight = new PackedWeight(this, offset, rows, columns, transposed);
        packed.add(weight);
        return weight;
    }

    String name() {
        return name;
    }

    void close() {
        floats = null;
        ints = null;
        packed.forEach(PackedWeight::close);
        packed.clear();
        owner.forget(this);
    }
}
