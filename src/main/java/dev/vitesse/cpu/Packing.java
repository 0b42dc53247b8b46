// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Gemm.PANEL;
import static dev.vitesse.cpu.Gemm.ROWS;
import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** Copies matrices into the order in which {@link Gemm} reads them. */
final class Packing {
    /** Rows that are read at once. */
    private static final int STRIP = 32;
    /** What {@link #packRows} copies at once. */
    private static final VectorSpecies<Float> FOUR = FloatVector.SPECIES_128;

    private Packing() {}

    /** Elements of a right operand of {@code depth} by {@code columns} in panels. */
    static long panelSize(int depth, int columns) {
        return (long) depth * Gemm.padded(columns);
    }

    /** The next multiple of four. */
    static int fours(int depth) {
        return (depth + 3) / 4 * 4;
    }

    /**
     * A left operand by rows: A[i, k] at a[offset + i stride + k] goes to slivers of six rows, [rows / 6][depth /
     * 4][6][4]: so many k of a row together that whole vectors are copied. Depth is filled up with anything, rows with
     * copies of the last sliver's first one.
     */
    static void packRows(float[] a, int offset, int stride, int rows, int depth, float[] slivers, int target) {
        int whole = depth / 4 * 4;
        for (int row = 0; row < rows; row += ROWS) {
            int a0 = offset + row * stride;
            int a1 = rows - row > 1 ? a0 + stride : a0;
            int a2 = rows - row > 2 ? a1 + stride : a0;
            int a3 = rows - row > 3 ? a2 + stride : a0;
            int a4 = rows - row > 4 ? a3 + stride : a0;
            int a5 = rows - row > 5 ? a4 + stride : a0;
            int to = target + row * fours(depth);
            for (int k = 0; k < whole; k += 4) {
                fromArray(FOUR, a, a0 + k).intoArray(slivers, to + ROWS * k);
                fromArray(FOUR, a, a1 + k).intoArray(slivers, to + ROWS * k + 4);
                fromArray(FOUR, a, a2 + k).intoArray(slivers, to + ROWS * k + 8);
                fromArray(FOUR, a, a3 + k).intoArray(slivers, to + ROWS * k + 12);
                fromArray(FOUR, a, a4 + k).intoArray(slivers, to + ROWS * k + 16);
                fromArray(FOUR, a, a5 + k).intoArray(slivers, to + ROWS * k + 20);
            }
            for (int k = whole; k < depth; k++) {
                int last = to + ROWS * whole + k - whole;
                slivers[last] = a[a0 + k];
                slivers[last + 4] = a[a1 + k];
                slivers[last + 8] = a[a2 + k];
                slivers[last + 12] = a[a3 + k];
                slivers[last + 16] = a[a4 + k];
                slivers[last + 20] = a[a5 + k];
            }
        }
    }

    /** Elements that {@link #packColumns} writes. */
    static long columnsSize(int depth, int columns) {
        return (long) depth * Gemm.wholeTiles(columns);
    }

    /**
     * Panels of B from a row-major one: B[k, j] at b[offset + k stride + j]. Strips of k are read while they are in the
     * cache.
     */
    static void packPanels(float[] b, int offset, int stride, int depth, int columns, float[] panels, int target) {
        int whole = columns / PANEL * PANEL;
        for (int k = 0; k < depth; k += STRIP) {
            int end = Math.min(depth, k + STRIP);
            for (int column = 0; column < whole; column += PANEL) {
                for (int j = 0; j < PANEL; j += 2 * LANES) {
                    copyColumns(b, offset + column + j, stride, k, end, panels, target + column * depth + j);
                }
            }
            for (int i = k; whole < columns && i < end; i++) {
                packPartRow(b, offset + i * stride + whole, columns - whole, panels, target + whole * depth + i * PANEL);
            }
        }
    }

    private static void copyColumns(
            float[] b, int offset, int stride, int first, int end, float[] panels, int target) {
        for (int k = first; k < end; k++) {
            int from = offset + k * stride;
            int to = target + k * PANEL;
            fromArray(FLOATS, b, from).intoArray(panels, to);
            fromArray(FLOATS, b, from + LANES).intoArray(panels, to + LANES);
        }
    }

    private static void packPartRow(float[] b, int from, int width, float[] panels, int to) {
        for (int j = 0; j < PANEL; j++) {
            panels[to + j] = j < width ? b[from + j] : 0;
        }
    }

    /** Panels of B from its transpose: B[k, j] at b[offset + j stride + k]. */
    static void packTransposed(float[] b, int offset, int stride, int depth, int columns, float[] panels, int target) {
        for (int panel = 0; panel < Gemm.panels(columns); panel++) {
            packTransposedPanel(b, offset, stride, depth, columns, panel, panels, target);
        }
    }

    /** One panel of {@link #packTransposed}. */
    static void packTransposedPanel(
            float[] b, int offset, int stride, int depth, int columns, int panel, float[] panels, int target) {
        int column = panel * PANEL;
        int to = target + column * depth;
        int width = Math.min(PANEL, columns - column);
        if (width < PANEL) {
            Arrays.fill(panels, to, to + depth * PANEL, 0f);
        }
        int from = offset + column * stride;
        int whole = width / 4 * 4;
        for (int j = 0; j < whole; j += 4) {
            transposeFour(b, from + j * stride, stride, depth, panels, to + j);
        }
        for (int j = whole; j < width; j++) {
            for (int k = 0; k < depth; k++) {
                panels[to + k * PANEL + j] = b[from + j * stride + k];
            }
        }
    }

    /** Four rows of b become columns; together, because short rows alone cost more in loops than in copies. */
    private static void transposeFour(float[] b, int from, int stride, int depth, float[] panels, int to) {
        int row1 = from + stride;
        int row2 = row1 + stride;
        int row3 = row2 + stride;
        for (int k = 0; k < depth; k++) {
            int target = to + k * PANEL;
            panels[target] = b[from + k];
            panels[target + 1] = b[row1 + k];
            panels[target + 2] = b[row2 + k];
            panels[target + 3] = b[row3 + k];
        }
    }

    /**
     * A left operand from its transpose: A[i, k] at a[offset + k stride + i] goes to slivers of six rows,
     * [rows / 6][depth][6], the last one filled up with anything. Strips of k are read while they are in the cache.
     */
    static void packColumns(float[] a, int offset, int stride, int depth, int rows, float[] slivers, int target) {
        for (int k = 0; k < depth; k += STRIP) {
            int end = Math.min(depth, k + STRIP);
            for (int row = 0; row < rows; row += ROWS) {
                int to = target + row * depth;
                // A whole vector may be copied where the matrix does not end before it, and where what it spoils behind
                // its six elements is still to be written.
                int beyond = Math.max(0, row + Math.max(LANES, ROWS) - rows);
                int most = depth - Math.max(LANES / ROWS, Math.ceilDiv(beyond, stride));
                int vectors = Math.clamp(most, k, end);
                packVectors(a, offset + row, stride, k, vectors, slivers, to);
                packElements(a, offset + row, stride, vectors, end, Math.min(ROWS, rows - row), slivers, to);
            }
        }
    }

    private static void packVectors(
            float[] a, int offset, int stride, int first, int end, float[] slivers, int target) {
        for (int k = first; k < end; k++) {
            int from = offset + k * stride;
            int to = target + k * ROWS;
            fromArray(FLOATS, a, from).intoArray(slivers, to);
            if (LANES < ROWS) {
                fromArray(FLOATS, a, from + ROWS - LANES).intoArray(slivers, to + ROWS - LANES);
            }
        }
    }

    private static void packElements(
            float[] a, int offset, int stride, int first, int end, int rows, float[] slivers, int target) {
        for (int k = first; k < end; k++) {
            for (int r = 0; r < ROWS; r++) {
                slivers[target + k * ROWS + r] = r < rows ? a[offset + k * stride + r] : 0;
            }
        }
    }
}
