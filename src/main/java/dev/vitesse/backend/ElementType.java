// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** The type in which a tensor's elements are stored, little-endian. */
public enum ElementType {
    FLOAT32(4),
    INT32(4);

    private final int bytes;

    ElementType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element. */
    public int bytes() {
        return bytes;
    }
}
