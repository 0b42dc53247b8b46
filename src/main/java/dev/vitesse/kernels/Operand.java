// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Shapes;

/**
 * One tensor of a case.
 *
 * @param fill what it holds before a run; without meaning for outputs and prepared operands
 * @param tolerance of the result; without meaning for inputs
 * @param mayBeZero whether a result that is nearly all zero is right; elsewhere it shows that a case tests nothing
 */
public record Operand(
        String name, Role role, ElementType type, Fill fill, Tolerance tolerance, boolean mayBeZero, int... shape) {
    /** What a call does with an operand. */
    public enum Role {
        /** Read, and unchanged afterwards. */
        INPUT,
        /** An input that another operation computes from other inputs: the mean of LayerNorm's backward pass. */
        PREPARED,
        /** What that operation writes besides; no argument of the case's call. */
        SCRATCH,
        /** Overwritten; full of NaN before. */
        OUTPUT,
        /** Read and written. */
        UPDATED
    }

    public boolean isResult() {
        return role == Role.OUTPUT || role == Role.UPDATED;
    }

    public int elements() {
        return Math.toIntExact(Shapes.elements(shape));
    }

    /** Bytes moved if each element is read or written once, or both. */
    public long traffic() {
        long bytes = (long) elements() * type.bytes();
        return switch (role) {
            case UPDATED -> 2 * bytes;
            case SCRATCH -> 0;
            default -> bytes;
        };
    }
}
