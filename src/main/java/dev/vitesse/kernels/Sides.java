// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import java.util.List;

/**
 * The lengths of axes that cases go through: below, at and above the tiles and vectors of kernels.
 *
 * @param values the lengths
 */
public record Sides(List<Integer> values) {
    public static final Sides ALL = new Sides(List.of(1, 7, 15, 16, 17, 31, 33, 63, 64, 65, 197));

    /** For sanitizers, under which a kernel may take a thousand times as long. */
    public static final Sides SMALL = new Sides(List.of(1, 7, 16, 17, 33));

    public int largest() {
        return values.getLast();
    }

    /** Whether a shape that is not made of these sides fits among them. */
    public boolean allow(int... shape) {
        for (int side : shape) {
            if (side > largest()) {
                return false;
            }
        }
        return true;
    }
}
