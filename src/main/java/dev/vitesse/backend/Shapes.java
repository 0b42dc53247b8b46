// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** Arithmetic on shapes that fails instead of overflowing. */
public final class Shapes {
    private Shapes() {}

    /** The number of elements of {@code shape}; 1 for rank 0. */
    public static long elements(int... shape) {
        long elements = 1;
        for (int dim : shape) {
            if (dim < 0) {
                throw new IllegalArgumentException("negative size in shape " + java.util.Arrays.toString(shape));
            }
            elements = Math.multiplyExact(elements, (long) dim);
        }
        return elements;
    }

    /** {@code first} before the axes {@code rest}. */
    public static int[] prepend(int first, int... rest) {
        int[] shape = new int[rest.length + 1];
        shape[0] = first;
        System.arraycopy(rest, 0, shape, 1, rest.length);
        return shape;
    }

    /** {@code shape} without its first axis. */
    public static int[] dropFirst(int... shape) {
        return java.util.Arrays.copyOfRange(shape, 1, shape.length);
    }

    /** {@code shape} with another first axis. */
    public static int[] replaceFirst(int first, int... shape) {
        int[] copy = shape.clone();
        copy[0] = first;
        return copy;
    }
}
