// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Copies between a plan's staging arrays and its tensors. Bound by memory. */
final class TornadoCopy {
    /** Work-items of a group. */
    static final int LOCAL = 256;

    /** What {@link #probe} adds. */
    static final float PROBE_STEP = 0.5f;

    private TornadoCopy() {}

    /** The plan's first task, whose hold on the arrays brings them to the device: it shows that the device computes. */
    static void probe(KernelContext context, FloatArray floats, IntArray ints, int place, int intPlace) {
        if (context.globalIdx == 0) {
            floats.set(place, floats.get(place) + PROBE_STEP);
            ints.set(intPlace, ints.get(intPlace) + 1);
        }
    }

    /** The last task of a graph: it does nothing, which no compiler can know. */
    static void end(KernelContext context, FloatArray floats, IntArray ints) {
        if (context.globalIdx < 0) {
            floats.set(0, ints.get(0));
            ints.set(0, 0);
        }
    }

    /** floats[range[0] + i] = stage[i] for i below range[1]; a work-item per element of the stage. */
    static void writeFloats(KernelContext context, FloatArray floats, FloatArray stage, IntArray range) {
        int i = context.globalIdx;
        if (i < range.get(1)) {
            floats.set(range.get(0) + i, stage.get(i));
        }
    }

    static void writeInts(KernelContext context, IntArray ints, IntArray stage, IntArray range) {
        int i = context.globalIdx;
        if (i < range.get(1)) {
            ints.set(range.get(0) + i, stage.get(i));
        }
    }

    /** floats[range[0] ... range[0] + range[1] - 1] = 0, each work-item every so-manyth element. */
    static void zeroFloats(KernelContext context, FloatArray floats, IntArray range) {
        int start = range.get(0);
        int end = start + range.get(1);
        for (int i = start + context.globalIdx; i < end; i += context.globalGroupSizeX) {
            floats.set(i, 0f);
        }
    }

    static void zeroInts(KernelContext context, IntArray ints, IntArray range) {
        int start = range.get(0);
        int end = start + range.get(1);
        for (int i = start + context.globalIdx; i < end; i += context.globalGroupSizeX) {
            ints.set(i, 0);
        }
    }
}
