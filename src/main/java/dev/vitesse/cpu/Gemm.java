// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static dev.vitesse.cpu.Simd.FLOATS;
import static dev.vitesse.cpu.Simd.LANES;
import static jdk.incubator.vector.FloatVector.fromArray;

import org.jspecify.annotations.Nullable;

/**
 * Matrix products in blocks that fit the caches. The right operand B is packed: panels of {@link #PANEL} columns, each
 * [depth][PANEL], the last one filled up with zeros. The left operand is read where it lies.
 */
final class Gemm {
    /** Rows of a tile. */
    static final int ROWS = 6;
    /** Whether there are 32 vector registers, so that a tile may be 4 vectors wide. */
    private static final boolean WIDE = Simd.BITS >= 512 || !System.getProperty("os.arch").matches("amd64|x86_64|x86");
    /** Columns of a panel of B and of a tile. */
    static final int PANEL = (WIDE ? 4 : 2) * LANES;
    /** Elements of a tile, and what {@link #multiplyPacked} wants of working memory. */
    static final int TILE = ROWS * PANEL;
    /**
     * The longest sum computed at once. Longer ones cost fewer passes over C, and a tile's beginning and end weigh
     * less; a panel of B comes out of the second-level cache as fast as it is used, where tiles are 2 vectors wide.
     */
    private static final int DEPTH = WIDE ? 256 : 1024;
    /** Elements between copied rows of A, lest rows a power of two apart fall upon the same lines of the cache. */
    private static final int GAP = 16;

    /** Columns of C up to which a left operand by columns is not worth packing. */
    private static final int MOST_UNPACKED = 4 * PANEL;

    private Gemm() {}

    /** Panels of a matrix of {@code columns} columns. */
    static int panels(int columns) {
        return Math.ceilDiv(columns, PANEL);
    }

    /** {@code columns} filled up to whole panels. */
    static int padded(int columns) {
        return Math.multiplyExact(panels(columns), PANEL);
    }

    /** The next multiple of a tile's rows. */
    static int wholeTiles(int rows) {
        return Math.ceilDiv(rows, ROWS) * ROWS;
    }

    /** Elements that {@link #multiply} wants of working memory; no fewer for a longer sum. */
    static int workSize(int rows, int depth) {
        return Math.addExact(TILE, Math.multiplyExact(wholeTiles(rows), Packing.fours(Math.min(depth, DEPTH)) + GAP));
    }

    /** The length of each of the equal sums that a sum over {@code depth} is cut into. */
    private static int sumLength(int depth) {
        return Packing.fours(Math.ceilDiv(depth, Math.max(1, Math.ceilDiv(depth, DEPTH))));
    }

    /**
     * C = init + A B (+ base) for the columns of some panels, A by rows.
     *
     * @param a A[i, k] at a[aOffset + i aStride + k], i &lt; rows, k &lt; depth
     * @param b the panels, from bOffset on
     * @param columns of C, over all panels
     * @param init one value for each column, filled up to whole panels; null for zeros
     * @param c C[i, j] at c[cOffset + i cStride + j]
     * @param base of the same form, may be C itself; or null
     * @param work working memory, {@link #workSize} elements from workOffset on
     */
    static void multiply(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int columns,
            int firstPanel, int endPanel, float @Nullable [] init, float[] c, int cOffset, int cStride,
            float @Nullable [] base, int baseOffset, int baseStride, float[] work, int workOffset) {
        int size = sumLength(depth);
        for (int k = 0; k == 0 || k < depth; k += size) {
            int length = Math.min(size, depth - k);
            boolean first = k == 0;
            float[] left = a;
            int leftOffset = aOffset + k;
            int leftStride = aStride;
            int prepared = 0;
            for (int panel = firstPanel; panel < endPanel; panel++) {
                int column = panel * PANEL;
                int panelOffset = bOffset + panel * depth * PANEL + k * PANEL;
                int width = Math.min(PANEL, columns - column);
                if (vectors(width) != prepared) {
                    prepared = vectors(width);
                    boolean copy = prepared == 2 || size < depth;
                    left = copy ? work : a;
                    leftOffset = copy ? workOffset + TILE : aOffset + k;
                    leftStride = copy
                            ? prepare(prepared, rows, length, a, aOffset + k, aStride, work, leftOffset)
                            : aStride;
                }
                if (first) {
                    panel(length, left, leftOffset, leftStride, rows, b, panelOffset, width,
                            init == null ? Zeros.ARRAY : init, init == null ? 0 : column, c, cOffset + column, cStride,
                            base, baseOffset + column, baseStride, work, workOffset);
                } else {
                    addPanel(length, left, leftOffset, leftStride, rows, b, panelOffset, width, c, cOffset + column,
                            cStride, work, workOffset);
                }
            }
        }
    }

    /**
     * Copies A into the order in which tiles of some width read it.
     *
     * @return the distance of rows
     */
    private static int prepare(
            int vectors, int rows, int depth, float[] a, int aOffset, int aStride, float[] copy, int offset) {
        if (vectors == 2) {
            Packing.packRows(a, aOffset, aStride, rows, depth, copy, offset);
            return Packing.fours(depth);
        }
        int stride = Packing.fours(depth) + GAP;
        for (int row = 0; row < rows; row++) {
            System.arraycopy(a, aOffset + row * aStride, copy, offset + row * stride, depth);
        }
        return stride;
    }

    /** One panel of C, {@code columns} wide. Tiles that are cut off or to be added go through working memory. */
    private static void panel(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int columns,
            float[] init, int initOffset, float[] c, int cOffset, int cStride, float @Nullable [] base, int baseOffset,
            int baseStride, float[] tile, int tileOffset) {
        int whole = isTileWidth(columns) && base == null ? rows / ROWS * ROWS : 0;
        tilesByRows(depth, a, aOffset, aStride, whole, b, bOffset, columns, init, initOffset, 0, c, cOffset, cStride);
        for (int row = whole; row < rows; row += ROWS) {
            int height = Math.min(ROWS, rows - row);
            tilesByRows(depth, a, aOffset + row * aStride, aStride, height, b, bOffset, columns, init, initOffset, 0,
                    tile, tileOffset, PANEL);
            copyTile(height, columns, tile, tileOffset, c, cOffset + row * cStride, cStride, base,
                    baseOffset + row * baseStride, baseStride);
        }
    }

    /** C += A B for one panel: whole tiles begin with what C holds, the others are added to it. */
    private static void addPanel(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int columns, float[] c,
            int cOffset, int cStride, float[] tile, int tileOffset) {
        int whole = isTileWidth(columns) ? rows / ROWS * ROWS : 0;
        tilesByRows(depth, a, aOffset, aStride, whole, b, bOffset, columns, c, cOffset, cStride, c, cOffset, cStride);
        for (int row = whole; row < rows; row += ROWS) {
            int height = Math.min(ROWS, rows - row);
            int to = cOffset + row * cStride;
            tilesByRows(depth, a, aOffset + row * aStride, aStride, height, b, bOffset, columns, Zeros.ARRAY, 0, 0, tile,
                    tileOffset, PANEL);
            copyTile(height, columns, tile, tileOffset, c, to, cStride, c, to, cStride);
        }
    }

    /** C = the upper left part of a tile (+ base). */
    private static void copyTile(
            int rows, int columns, float[] tile, int tileOffset, float[] c, int cOffset, int cStride,
            float @Nullable [] base, int baseOffset, int baseStride) {
        for (int r = 0; r < rows; r++) {
            int from = tileOffset + r * PANEL;
            int to = cOffset + r * cStride;
            if (base == null) {
                System.arraycopy(tile, from, c, to, columns);
            } else {
                addRow(columns, tile, from, base, baseOffset + r * baseStride, c, to);
            }
        }
    }

    private static void addRow(int columns, float[] tile, int from, float[] base, int add, float[] c, int to) {
        int j = 0;
        for (; j <= columns - LANES; j += LANES) {
            fromArray(FLOATS, tile, from + j).add(fromArray(FLOATS, base, add + j)).intoArray(c, to + j);
        }
        for (; j < columns; j++) {
            c[to + j] = tile[from + j] + base[add + j];
        }
    }

    /**
     * C = A B (+ C) for all columns, with A packed by {@link Packing#packColumns}.
     *
     * @param accumulate whether C is added
     * @param tile working memory, {@link #TILE} elements from tileOffset on
     */
    static void multiplyPacked(
            int depth, float[] a, int aOffset, int rows, float[] b, int bOffset, int columns, float[] c, int cOffset,
            int cStride, boolean accumulate, float[] tile, int tileOffset) {
        float[] base = accumulate ? c : null;
        for (int column = 0; column < columns; column += PANEL) {
            int width = Math.min(PANEL, columns - column);
            boolean direct = isTileWidth(width) && !accumulate;
            int panel = bOffset + column * depth;
            int whole = width == 2 * LANES ? rows / ROWS * ROWS : 0;
            if (accumulate) {
                Tile6x2.byColumns(depth, a, aOffset, whole, b, panel, c, cOffset + column, cStride, c, cOffset + column,
                        cStride);
            } else {
                Tile6x2.byColumns(depth, a, aOffset, whole, b, panel, Zeros.ARRAY, 0, 0, c, cOffset + column, cStride);
            }
            for (int row = whole; row < rows; row += ROWS) {
                int height = Math.min(ROWS, rows - row);
                int from = aOffset + row * depth;
                int to = cOffset + row * cStride + column;
                if (direct && height == ROWS) {
                    tileByColumns(depth, a, from, b, panel, width, c, to, cStride);
                } else {
                    tileByColumns(depth, a, from, b, panel, width, tile, tileOffset, PANEL);
                    copyTile(height, width, tile, tileOffset, c, to, cStride, base, to, cStride);
                }
            }
        }
    }

    /**
     * Whether {@link #multiplyUnpacked} takes a product and is faster than packing A for {@link #multiplyPacked}.
     *
     * @param rows of C
     * @param columns of C
     */
    static boolean suitsUnpacked(int depth, int rows, int columns) {
        return !WIDE && depth % 4 == 0 && rows >= ROWS && columns % PANEL == 0 && columns <= MOST_UNPACKED;
    }

    /**
     * {@link #multiplyPacked} with A[i, k] at a[aOffset + k aStride + i], where {@link #suitsUnpacked} says so. The
     * last tile may begin in the one before; only its other rows are kept.
     */
    static void multiplyUnpacked(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int columns, float[] c,
            int cOffset, int cStride, boolean accumulate, float[] tile, int tileOffset) {
        int whole = rows / ROWS * ROWS;
        float[] init = accumulate ? c : Zeros.ARRAY;
        int known = ROWS - (rows - whole);
        for (int column = 0; column < columns; column += PANEL) {
            int panel = bOffset + column * depth;
            int to = cOffset + column;
            Tile6x2.foursByColumns(depth, a, aOffset, aStride, 1, whole, b, panel, init, accumulate ? to : 0,
                    accumulate ? cStride : 0, c, to, cStride);
            if (whole < rows) {
                Tile6x2.foursByColumns(depth, a, aOffset + whole - known, aStride, 1, ROWS, b, panel, Zeros.ARRAY, 0, 0,
                        tile, tileOffset, PANEL);
                to += whole * cStride;
                copyTile(rows - whole, PANEL, tile, tileOffset + known * PANEL, c, to, cStride, accumulate ? c : null,
                        to, cStride);
            }
        }
    }

    private static boolean isTileWidth(int columns) {
        return columns == LANES || columns == 2 * LANES || columns == PANEL;
    }

    /** Vectors of the narrowest tiles that have {@code columns}. */
    private static int vectors(int columns) {
        if (columns <= LANES) {
            return 1;
        }
        return !WIDE || columns <= 2 * LANES ? 2 : 4;
    }

    private static void tilesByRows(
            int depth, float[] a, int aOffset, int aStride, int rows, float[] b, int bOffset, int columns, float[] init,
            int initOffset, int initStride, float[] c, int cOffset, int cStride) {
        switch (vectors(columns)) {
            case 1 -> Tile6x1.byRows(depth, a, aOffset, aStride, rows, b, bOffset, init, initOffset, initStride, c,
                    cOffset, cStride);
            case 2 -> Tile6x2.byRows(depth, a, aOffset, rows, b, bOffset, init, initOffset, initStride, c, cOffset,
                    cStride);
            default -> Tile6x4.byRows(depth, a, aOffset, aStride, rows, b, bOffset, init, initOffset, initStride, c,
                    cOffset, cStride);
        }
    }

    private static void tileByColumns(
            int depth, float[] a, int aOffset, float[] b, int bOffset, int columns, float[] c, int cOffset,
            int cStride) {
        switch (vectors(columns)) {
            case 1 -> Tile6x1.byColumns(depth, a, aOffset, b, bOffset, c, cOffset, cStride);
            case 2 -> Tile6x2.byColumns(depth, a, aOffset, ROWS, b, bOffset, Zeros.ARRAY, 0, 0, c, cOffset, cStride);
            default -> Tile6x4.byColumns(depth, a, aOffset, b, bOffset, c, cOffset, cStride);
        }
    }

    /** One panel of zeros, the start of sums without a bias. */
    private static final class Zeros {
        static final float[] ARRAY = new float[PANEL];
    }
}
