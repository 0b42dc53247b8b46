// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromArray;

import jdk.incubator.vector.FloatVector;

/**
 * Sums that chunks of rows computed apart, to be added in the order of the chunks. They lie in the memory that all
 * operations of a backend share, one after the other.
 */
final class Partials implements ThreadTeam.Task {
    /** Elements that one item adds up. */
    private static final int GRAIN = 2048;

    private final CpuBackend backend;
    private final int count;
    private final int size;
    // Arguments of the sum under way.
    private float[] target = new float[0];
    private int targetOffset;
    private int first;
    private int length;

    /**
     * @param count number of chunks
     * @param size elements of each
     */
    Partials(CpuBackend backend, int count, int size) {
        this.backend = backend;
        this.count = count;
        this.size = size;
        backend.reserveShared((long) count * size);
    }

    float[] array() {
        return backend.shared();
    }

    /** Where chunk {@code chunk} begins. */
    int offset(int chunk) {
        return chunk * size;
    }

    /** target = the sum over all chunks of the elements {@code from} to {@code from + n - 1}. */
    void sum(float[] to, int toOffset, int from, int n) {
        target = to;
        targetOffset = toOffset;
        first = from;
        length = n;
        backend.team().run(Math.ceilDiv(n, GRAIN), this);
    }

    @Override
    public void run(int item, int worker) {
        float[] parts = array();
        int end = Math.min(length, (item + 1) * GRAIN);
        int j = item * GRAIN;
        for (; j <= end - LANES; j += LANES) {
            FloatVector total = broadcast(FLOATS, 0);
            for (int chunk = 0; chunk < count; chunk++) {
                total = total.add(fromArray(FLOATS, parts, chunk * size + first + j));
            }
            total.intoArray(target, targetOffset + j);
        }
        for (; j < end; j++) {
            float total = 0;
            for (int chunk = 0; chunk < count; chunk++) {
                total += parts[chunk * size + first + j];
            }
            target[targetOffset + j] = total;
        }
    }
}
