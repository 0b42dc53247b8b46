// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Sums over rows in two steps: every work-item sums a fixed chunk of rows, then the chunks are added in order. No
 * atomics, so equal inputs give equal bits. Bound by memory. And the reductions of a work-group that other kernels use.
 */
final class TornadoReduce {
    private static final int LEAST_CHUNK = 32;
    private static final int MOST_CHUNKS = 64;

    private static final TornadoKernel COLUMN_SUMS = new TornadoKernel("column_sums", "columnSums", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoReduce::columnSums, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.COLUMN_SUMS);
    private static final TornadoKernel ADD_PARTS = new TornadoKernel("add_parts", "addParts", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoReduce::addParts, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.ADD_PARTS);

    private TornadoReduce() {}

    /** Rows that one work-item sums, so that there are not more chunks than can be added quickly. */
    static int chunk(int rows) {
        return Math.max(LEAST_CHUNK, Math.ceilDiv(rows, MOST_CHUNKS));
    }

    /** y[column] = sum of x[row, column] over the rows. */
    static void columnSums(Recording r, int y, int x, int rows, int width) {
        int chunk = chunk(rows);
        int chunks = Math.max(1, Math.ceilDiv(rows, chunk));
        int parts = r.scratch((long) chunks * width);
        r.launchOver(COLUMN_SUMS, (long) chunks * width, parts, x, rows, width, chunk);
        addParts(r, y, parts, chunks, width, width);
    }

    /** y[column] = sum of parts[p, column] over p, where the parts lie {@code stride} apart. */
    static void addParts(Recording r, int y, int parts, int count, int width, int stride) {
        r.launchOver(ADD_PARTS, width, y, parts, count, width, stride);
    }

    /** Elements of the chunks' sums [chunks, width]. */
    static int parts(int rows, int chunk, int width) {
        return (rows + chunk - 1) / chunk * width;
    }

    /** Parameters: parts [chunks, width], x [rows, width], rows, width, chunk. */
    static void columnSums(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int width = p.get(o + 3);
        for (int i = context.globalIdx; i < parts(p.get(o + 2), p.get(o + 4), width); i += context.globalGroupSizeX) {
            int column = i % width;
            int x = p.get(o + 1);
            int first = i / width * p.get(o + 4);
            int end = first + p.get(o + 4);
            if (end > p.get(o + 2)) {
                end = p.get(o + 2);
            }
            float sum = 0f;
            for (int row = first; row < end; row++) {
                sum = sum + floats.get(x + row * width + column);
            }
            floats.set(p.get(o) + i, sum);
        }
    }

    /** Parameters: y [width], parts [count, stride], count, width, stride. */
    static void addParts(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int column = context.globalIdx; column < p.get(o + 3); column += context.globalGroupSizeX) {
            int parts = p.get(o + 1) + column;
            float sum = 0f;
            for (int part = 0; part < p.get(o + 2); part++) {
                sum = sum + floats.get(parts + part * p.get(o + 4));
            }
            floats.set(p.get(o) + column, sum);
        }
    }

    /**
     * The sum over the work-items that share a row, given to all of them. Every work-item of the group must call it, outside
     * of loops and branches. (It has local memory of its own: given an array, TornadoVM would address that in bytes and past
     * an array's header, four times too far, which only devices without real local memory survive.)
     *
     * @param base the row's first work-item in the group, of at most {@link TornadoCopy#LOCAL}
     * @param lane the work-item's place in its row
     * @param lanes work-items of a row, a power of two
     */
    static float sum(KernelContext context, int base, int lane, int lanes, float x) {
        float[] shared = context.allocateFloatLocalArray(TornadoCopy.LOCAL);
        shared[base + lane] = x;
        for (int reach = lanes / 2; reach > 0; reach = reach / 2) {
            context.localBarrier();
            if (lane < reach) {
                shared[base + lane] = shared[base + lane] + shared[base + lane + reach];
            }
        }
        context.localBarrier();
        return shared[base];
    }

    /** The largest of them. */
    static float max(KernelContext context, int base, int lane, int lanes, float x) {
        float[] shared = context.allocateFloatLocalArray(TornadoCopy.LOCAL);
        shared[base + lane] = x;
        for (int reach = lanes / 2; reach > 0; reach = reach / 2) {
            context.localBarrier();
            if (lane < reach) {
                shared[base + lane] = TornadoMath.max(shared[base + lane], shared[base + lane + reach]);
            }
        }
        context.localBarrier();
        return shared[base];
    }
}
