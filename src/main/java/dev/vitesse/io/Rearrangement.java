// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * How a library's axes lie where timm's lie otherwise: its axes are permuted, then two neighbours may be merged into
 * one. D width, H heads, A head width, P patch side, C channels.
 */
public enum Rearrangement {
    /** Nothing to do. */
    NONE(-1),
    /** Dense layers: [in, out] to [out, in]. */
    TRANSPOSE(-1, 1, 0),
    /** Convolutions: [P, P, C, D] to [D, C, P, P]. */
    CONVOLUTION(-1, 3, 2, 0, 1),
    /** Projections to heads: [D, H, A] to [H A, D]. */
    TO_HEADS(0, 1, 2, 0),
    /** Their biases: [H, A] to [H A]. */
    HEADS_BIAS(0, 0, 1),
    /** The projection from heads: [H, A, D] to [D, H A]. */
    FROM_HEADS(1, 2, 0, 1);

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final int merged;
    private final int[] axes;

    /**
     * @param merged the axis of the result that two axes are merged into, the first of which counts heads; -1 for none
     * @param axes the axis of the file that stands at each place before merging; empty for an unchanged order
     */
    Rearrangement(int merged, int... axes) {
        this.merged = merged;
        this.axes = axes;
    }

    /** The shape that a file must have for {@code shape} to come out. */
    long[] shapeInFile(long[] shape, int heads) {
        if (this == NONE) {
            return shape;
        }
        long[] apart = new long[axes.length];
        for (int i = 0, axis = 0; i < axes.length; axis++) {
            if (axis == merged) {
                apart[i++] = heads;
                apart[i++] = shape[axis] / heads;
            } else {
                apart[i++] = shape[axis];
            }
        }
        long[] inFile = new long[axes.length];
        for (int i = 0; i < axes.length; i++) {
            inFile[axes[i]] = apart[i];
        }
        return inFile;
    }

    /** The float32 elements of a file's tensor in timm's order. */
    MemorySegment apply(MemorySegment elements, long[] shapeInFile, SegmentAllocator allocator) {
        if (this == NONE || this == HEADS_BIAS) {
            return elements;
        }
        long[] strideInFile = new long[axes.length];
        long stride = 1;
        for (int axis = axes.length - 1; axis >= 0; axis--) {
            strideInFile[axis] = stride;
            stride *= shapeInFile[axis];
        }
        MemorySegment result = allocator.allocate(elements.byteSize(), Float.BYTES);
        long[] index = new long[axes.length];
        long source = 0;
        for (long target = 0; target < stride; target++) {
            result.setAtIndex(FLOAT, target, elements.getAtIndex(FLOAT, source));
            // Counts up in the target's order, the last axis fastest, and keeps the source's position in step.
            for (int i = axes.length - 1; i >= 0; i--) {
                source += strideInFile[axes[i]];
                if (++index[i] < shapeInFile[axes[i]]) {
                    break;
                }
                source -= index[i] * strideInFile[axes[i]];
                index[i] = 0;
            }
        }
        return result;
    }
}
