// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

/** What a kernel reads or writes. */
sealed interface Operand permits OpenClTensor, Operand.Scratch {
    /** The first element's place in its buffer, in elements of four bytes. */
    long start();

    /** A part of the program's scratch buffer, which holds its value only until the operation that asked for it ends. */
    record Scratch(long start, long elements) implements Operand {
        /** The part from {@code first} on. */
        Scratch from(long first) {
            return new Scratch(start + first, elements - first);
        }
    }
}
