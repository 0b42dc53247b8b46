// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.Map;
import java.util.TreeMap;

/** Which elements of a growing array are taken: first fit, neighbouring holes joined. */
final class FreeSpace {
    /** Every allocation starts at a multiple of this, 64 bytes. */
    private static final int ALIGNMENT = 16;

    private final TreeMap<Integer, Integer> holes = new TreeMap<>();
    private int end;

    /** Where {@code elements} elements were found; they may lie beyond what the array has now. */
    int allocate(int elements) {
        int size = align(elements);
        for (Map.Entry<Integer, Integer> hole : holes.entrySet()) {
            if (hole.getValue() >= size) {
                int start = hole.getKey();
                int rest = hole.getValue() - size;
                holes.remove(start);
                if (rest > 0) {
                    holes.put(start + size, rest);
                }
                return start;
            }
        }
        int start = end;
        end = Math.addExact(end, size);
        return start;
    }

    void free(int start, int elements) {
        int size = align(elements);
        if (size == 0) {
            return;
        }
        Map.Entry<Integer, Integer> before = holes.floorEntry(start);
        if (before != null && before.getKey() + before.getValue() == start) {
            holes.remove(before.getKey());
            start = before.getKey();
            size += before.getValue();
        }
        Integer after = holes.remove(start + size);
        size += after == null ? 0 : after;
        if (start + size == end) {
            end = start;
        } else {
            holes.put(start, size);
        }
    }

    /** One past the last element taken. */
    int end() {
        return end;
    }

    static int align(int elements) {
        return Math.multiplyExact(Math.ceilDiv(elements, ALIGNMENT), ALIGNMENT);
    }
}
