// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * All tensors of a backend, in one array for each type. TornadoVM moves whole arrays between host and device and binds
 * arrays, not parts of them, to tasks; so tensors are parts of one array, and their places are parameters of the kernels.
 *
 * <p>The arrays are on the host until a plan takes them to the device ({@link #attach}); from then on the device's copy
 * is the true one, until {@link #detach} brings it back.
 */
final class DeviceMemory {
    /** The least size of an array in elements, so that small programs added later find room. */
    private static final int LEAST = 1 << 20;

    /** Elements that no tensor gets: the probe's, and what a problem of size 1 with all of its tensors at 1 may reach. */
    private static final int RESERVED = 1 << 12;

    private final String device;
    private final long mostBytes;
    private final FreeSpace floatSpace = new FreeSpace();
    private final FreeSpace intSpace = new FreeSpace();
    private final int floatProbe;
    private final int intProbe;
    private FloatArray floats = floatArray(LEAST);
    private IntArray ints = intArray(LEAST / 64);
    private @Nullable TornadoPlan plan;

    /**
     * @param device for messages
     * @param mostBytes the largest array that the device takes
     */
    DeviceMemory(String device, long mostBytes) {
        this.device = device;
        this.mostBytes = mostBytes;
        floatProbe = floatSpace.allocate(RESERVED);
        intProbe = intSpace.allocate(RESERVED);
    }

    /** Where the element lies with which every plan shows that its device computes. */
    int probe(ElementType type) {
        return type == ElementType.FLOAT32 ? floatProbe : intProbe;
    }

    private static FloatArray floatArray(int elements) {
        FloatArray array = new FloatArray(elements);
        array.init(0);
        return array;
    }

    private static IntArray intArray(int elements) {
        IntArray array = new IntArray(elements);
        array.init(0);
        return array;
    }

    FloatArray floats() {
        return floats;
    }

    IntArray ints() {
        return ints;
    }

    /** Elements filled with zero bytes. */
    Allocation allocate(String name, ElementType type, long elements) {
        FreeSpace space = space(type);
        long most = Math.min(mostBytes, (Integer.MAX_VALUE - 64L) * Float.BYTES);
        if ((space.end() + elements) * type.bytes() > most && elements * type.bytes() > 0) {
            throw new DeviceException(String.format(
                    "out of memory on %s: %d bytes asked for %s, %d of the %d that one array can have are free", device,
                    elements * type.bytes(), name, most - (long) space.end() * type.bytes(), most));
        }
        int count = Math.toIntExact(elements);
        Allocation allocation = new Allocation(this, name, type, space.allocate(count), count);
        if (space.end() > size(type)) {
            detach();
            grow(type, (int) Math.min(most / type.bytes(), Math.max(space.end(), 2L * size(type))));
        }
        if (plan == null) {
            bytes(type, allocation.start(), elements * type.bytes()).fill((byte) 0);
        } else {
            plan.zero(type, allocation.start(), count);
        }
        return allocation;
    }

    void release(Allocation allocation) {
        space(allocation.type()).free(allocation.start(), allocation.elements());
    }

    private FreeSpace space(ElementType type) {
        return type == ElementType.FLOAT32 ? floatSpace : intSpace;
    }

    private int size(ElementType type) {
        return type == ElementType.FLOAT32 ? floats.getSize() : ints.getSize();
    }

    private void grow(ElementType type, int elements) {
        if (type == ElementType.FLOAT32) {
            FloatArray larger = floatArray(elements);
            MemorySegment.copy(floats.getSegment(), 0, larger.getSegment(), 0, floats.getSegment().byteSize());
            floats = larger;
        } else {
            IntArray larger = intArray(elements);
            MemorySegment.copy(ints.getSegment(), 0, larger.getSegment(), 0, ints.getSegment().byteSize());
            ints = larger;
        }
    }

    /** The host's copy of a part of an array. */
    private MemorySegment bytes(ElementType type, int start, long byteSize) {
        MemorySegment all = type == ElementType.FLOAT32 ? floats.getSegment() : ints.getSegment();
        return all.asSlice((long) start * type.bytes(), byteSize);
    }

    void write(ElementType type, int start, MemorySegment source) {
        if (plan == null) {
            bytes(type, start, source.byteSize()).copyFrom(source);
        } else {
            plan.write(type, start, source);
        }
    }

    void read(ElementType type, int start, MemorySegment target) {
        if (target.byteSize() == 0) {
            return;
        }
        if (plan != null) {
            plan.read(type, start, (int) (target.byteSize() / type.bytes()));
        }
        target.copyFrom(bytes(type, start, target.byteSize()));
    }

    /** Cuts off what growing left over before {@code arrays} go to the device. */
    void trim() {
        int wanted = Math.max(LEAST, floatSpace.end() + Math.max(LEAST, floatSpace.end() / 8));
        if (floats.getSize() > wanted) {
            FloatArray smaller = floatArray(wanted);
            smaller.getSegment().copyFrom(floats.getSegment().asSlice(0, (long) wanted * Float.BYTES));
            floats = smaller;
        }
    }

    void attach(TornadoPlan newPlan) {
        plan = newPlan;
    }

    @Nullable TornadoPlan plan() {
        return plan;
    }

    /** Brings everything back to the host and ends the plan. */
    void detach() {
        if (plan != null) {
            TornadoPlan old = plan;
            plan = null;
            old.read(ElementType.FLOAT32, 0, Math.min(floatSpace.end(), floats.getSize()));
            old.read(ElementType.INT32, 0, Math.min(intSpace.end(), ints.getSize()));
            old.close();
        }
    }

    /** Ends the plan without bringing anything back. */
    void close() {
        if (plan != null) {
            TornadoPlan old = plan;
            plan = null;
            old.close();
        }
    }
}
