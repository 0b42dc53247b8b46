// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.ElementType;

/** Elements of one of the two arrays that hold all tensors, from {@code start} on. */
final class Allocation {
    private final DeviceMemory memory;
    private final String name;
    private final ElementType type;
    private final int start;
    private final int elements;
    private boolean open = true;

    Allocation(DeviceMemory memory, String name, ElementType type, int start, int elements) {
        this.memory = memory;
        this.name = name;
        this.type = type;
        this.start = start;
        this.elements = elements;
    }

    DeviceMemory memory() {
        return memory;
    }

    ElementType type() {
        return type;
    }

    int start() {
        return start;
    }

    int elements() {
        return elements;
    }

    /**
     * Refuses memory that somebody else may hold by now.
     *
     * @throws IllegalStateException if it was released
     */
    void checkOpen() {
        if (!open) {
            throw new IllegalStateException("tensor " + name + " has been closed");
        }
    }

    void close() {
        if (open) {
            open = false;
            memory.release(this);
        }
    }
}
