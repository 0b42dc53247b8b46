// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.model.VitConfig;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * How a library's axes lie where timm's lie otherwise: axes that it keeps merged are taken apart, all are permuted, then
 * two neighbours may be merged into one. D width, H heads, A head width, P patch side, C channels.
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
    FROM_HEADS(1, 2, 0, 1),
    /** Linear patch projections: [D, P P C] to [D, C, P, P]. */
    PATCH_MATRIX(-1, 0, 3, 1, 2),
    /** Scales and shifts of a patch's elements: [P P C] to [C P P]. */
    PATCH_VECTOR(-1, 2, 0, 1);

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
    long[] shapeInFile(long[] shape, VitConfig config) {
        long[] apart = axesInFile(shape, config);
        return switch (this) {
            case PATCH_MATRIX -> new long[] {apart[0], apart[1] * apart[2] * apart[3]};
            case PATCH_VECTOR -> new long[] {apart[0] * apart[1] * apart[2]};
            default -> apart;
        };
    }

    /** The same with merged axes taken apart. */
    private long[] axesInFile(long[] shape, VitConfig config) {
        if (this == NONE) {
            return shape;
        }
        if (this == PATCH_VECTOR) {
            return new long[] {config.patchSize(), config.patchSize(), config.channels()};
        }
        long[] apart = new long[axes.length];
        for (int i = 0, axis = 0; i < axes.length; axis++) {
            if (axis == merged) {
                apart[i++] = config.heads();
                apart[i++] = shape[axis] / config.heads();
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

    /**
     * The inverse of {@link #shapeInFile} as far as the file alone tells: axes stay merged that only a configuration can
     * take apart. A shape of another rank stays as it is.
     */
    long[] shapeFromFile(long[] s) {
        if (this == PATCH_MATRIX || this == PATCH_VECTOR || s.length != axes.length) {
            return s;
        }
        return switch (this) {
            case TO_HEADS -> new long[] {Math.multiplyExact(s[1], s[2]), s[0]};
            case HEADS_BIAS -> new long[] {Math.multiplyExact(s[0], s[1])};
            case FROM_HEADS -> new long[] {s[2], Math.multiplyExact(s[0], s[1])};
            default -> Arrays.stream(axes).mapToLong(axis -> s[axis]).toArray();
        };
    }

    /** The float32 elements of a file's tensor in timm's order; {@code shape} is timm's. */
    MemorySegment apply(MemorySegment elements, long[] shape, VitConfig config, SegmentAllocator allocator) {
        if (this == NONE || this == HEADS_BIAS) {
            return elements;
        }
        long[] shapeInFile = axesInFile(shape, config);
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
