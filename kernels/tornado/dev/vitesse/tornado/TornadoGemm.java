// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.tornado.TornadoFinish.Ending;
import dev.vitesse.tornado.TornadoLinear.Product;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The products of {@link TornadoLinear} on GPUs.
 *
 * <pre>
 *            N                     A work-group computes a square tile of C with SIDE x SIDE work-items. Per step it
 *        +---+---+                 brings some columns of A and rows of B to local memory, both laid out [depth][pitch],
 *      K |   | B |                 while it multiplies those of the step before. A work-item keeps edge x edge elements
 *        +---+---+                 of C in registers: rows y + 16 i, columns x + 16 j, so that neighbours read
 *    +---+---+---+                 neighbouring elements.
 *  M | A |   | C |
 *    +---+---+---+
 * </pre>
 *
 * Bound by arithmetic, and by local memory: per 2 edge^2 operations a work-item reads 2 edge elements there. A GPU reads a
 * quarter as many as it multiplies at a time, so that edge = 4 keeps at most half of its multipliers busy and edge = 8 all
 * of them; products too small to fill the device with tiles of that size get the smaller ones.
 * Tile (s, m, n) is that of C over the s-th part of K; if there are several parts, they are stored one after the other and
 * {@link TornadoFinish} adds them in order: small products then still fill the device.
 */
final class TornadoGemm {
    private static final int SIDE = 16;
    private static final int ITEMS = SIDE * SIDE;

    /** Elements of C that a work-item has along either side; a tile has SIDE times as many. */
    private static final int SMALL_EDGE = 4;

    private static final int LARGE_EDGE = 8;

    /** Elements of a tile of A or B that a work-item brings to local memory in a step. */
    private static final int LOADS = 4;

    /** LOADS * ITEMS / (SIDE * edge), columns of A in a step, is this divided by the edge. */
    private static final int STEP = LOADS * ITEMS / SIDE;

    /** By what a row of a tile is longer in local memory, so that the columns that neighbours write lie in other banks. */
    private static final int PAD = 4;

    /** Elements of either tile in local memory, of the larger of the two kinds. */
    private static final int LOCAL = STEP / SMALL_EDGE * (SIDE * SMALL_EDGE + PAD);

    /** Share of the elements computed for nothing beyond C's edges from which on small tiles are better. */
    private static final double MOST_PADDING = 1.25;

    private TornadoGemm() {}

    /** C = ending(A B + bias), of a product with elements. */
    static void product(Recording r, Product p, int bias, Ending ending) {
        int edge = edge(r, p);
        long tiles = tiles(p, edge);
        int depth = STEP / edge;
        int part = Math.max(depth, Math.ceilDiv(Math.ceilDiv(p.k(), TornadoLinear.parts(r, tiles, p.k())), depth) * depth);
        int splits = Math.max(1, Math.ceilDiv(p.k(), part));
        if (splits == 1) {
            multiply(r, p, edge, p.c(), bias, ending, part, tiles);
        } else {
            int parts = r.scratch((long) splits * Math.multiplyExact(p.m(), p.n()));
            multiply(r, p, edge, parts, -1, Ending.NONE, part, tiles * splits);
            TornadoFinish.launch(r, p, parts, splits, bias, ending);
        }
    }

    /** Large tiles where there are enough of them to fill the device, and little of them lies beyond C. */
    private static int edge(Recording r, Product p) {
        long large = tiles(p, LARGE_EDGE);
        long area = large * LARGE_EDGE * LARGE_EDGE;
        boolean wellFilled = area <= MOST_PADDING * tiles(p, SMALL_EDGE) * SMALL_EDGE * SMALL_EDGE;
        return wellFilled && large >= 2L * r.computeUnits() ? LARGE_EDGE : SMALL_EDGE;
    }

    private static long tiles(Product p, int edge) {
        return (long) Math.ceilDiv(p.m(), SIDE * edge) * Math.ceilDiv(p.n(), SIDE * edge);
    }

    private static void multiply(
            Recording r, Product p, int edge, int c, int bias, Ending ending, int part, long tiles) {
        r.launch(gemm(p.layout(), ending, edge), tiles, 1, 1, c, p.a(), p.b(), bias, ending.other(), p.m(), p.n(), p.k(), part);
    }

    private static TornadoKernel gemm(int layout, Ending ending, int edge) {
        String[] layouts = {"_forward", "_backward_input", "_backward_weight"};
        String method = (edge == LARGE_EDGE ? "gemm_large" : "gemm") + layouts[layout];
        return new TornadoKernel(TornadoFinish.name(method, ending), "gemm", SIDE, SIDE, (id, a) -> TaskPackage.createPackage(
                id, TornadoGemm::gemm, a.context(), a.floats(), a.parameters(), a.slot(), layout, ending.kind(),
                ending.function(), edge));
    }

    /**
     * Parameters: c, a, b, bias or -1, other or -1, M, N, K, columns of A in a part.
     *
     * @param layout which product
     */
    static void gemm(
            KernelContext context, FloatArray floats, IntArray p, IntArray slot, int layout, int kind, int function,
            int edge) {
        float[] aTile = context.allocateFloatLocalArray(LOCAL);
        float[] bTile = context.allocateFloatLocalArray(LOCAL);
        int width = SIDE * edge;
        int depth = STEP / edge;
        int pitch = width + PAD;
        int o = slot.get(0);
        int m = p.get(o + 5);
        int n = p.get(o + 6);
        int k = p.get(o + 7);
        // Whether neighbours along K are neighbours in memory; if not, those across are.
        int aAlong = 1;
        if (layout == TornadoLinear.BACKWARD_WEIGHT) {
            aAlong = 0;
        }
        int bAlong = 0;
        if (layout == TornadoLinear.FORWARD) {
            bAlong = 1;
        }
        int x = context.localIdx;
        int y = context.localIdy;
        int item = y * SIDE + x;
        // Where in a tile the first of this work-item's elements lies, and how far apart they are: side by side in memory
        // with its neighbours'. Either step along or step across is 0.
        int aColumn = along(item, aAlong, width, depth);
        int aRow = across(item, aAlong, width, depth);
        int aColumns = along(ITEMS, aAlong, width, depth);
        int aRows = across(ITEMS, aAlong, width, depth);
        int bColumn = along(item, bAlong, width, depth);
        int bRow = across(item, bAlong, width, depth);
        int bColumns = along(ITEMS, bAlong, width, depth);
        int bRows = across(ITEMS, bAlong, width, depth);
        int a0 = p.get(o + 1);
        int b0 = p.get(o + 2);
        int tilesN = (n + width - 1) / width;
        int tilesM = (m + width - 1) / width;
        float[] sums = new float[LARGE_EDGE * LARGE_EDGE];
        float[] aNext = new float[LOADS];
        float[] bNext = new float[LOADS];
        int tile = context.groupIdx;
        int m0 = tile / tilesN % tilesM * width;
        int n0 = tile % tilesN * width;
        int first = tile / (tilesN * tilesM) * p.get(o + 8);
        int end = first + p.get(o + 8);
        if (end > k) {
            end = k;
        }
        for (int i = 0; i < edge; i++) {
            for (int j = 0; j < edge; j++) {
                sums[LARGE_EDGE * i + j] = 0f;
            }
        }
        for (int i = 0; i < LOADS; i++) {
            aNext[i] = element(floats, a0, m0 + aRow + i * aRows, m, first + aColumn + i * aColumns, end, k, aAlong);
            bNext[i] = element(floats, b0, n0 + bRow + i * bRows, n, first + bColumn + i * bColumns, end, k, bAlong);
        }
        for (int step = first; step < end; step += depth) {
            context.localBarrier();
            for (int i = 0; i < LOADS; i++) {
                aTile[aColumn * pitch + aRow + i * (aColumns * pitch + aRows)] = aNext[i];
                bTile[bColumn * pitch + bRow + i * (bColumns * pitch + bRows)] = bNext[i];
            }
            context.localBarrier();
            // On their way while this step is multiplied; zeros behind the last.
            int next = step + depth;
            for (int i = 0; i < LOADS; i++) {
                aNext[i] = element(floats, a0, m0 + aRow + i * aRows, m, next + aColumn + i * aColumns, end, k, aAlong);
                bNext[i] = element(floats, b0, n0 + bRow + i * bRows, n, next + bColumn + i * bColumns, end, k, bAlong);
            }
            // Its length is not known to the compiler, which would unroll it into hundreds of operations.
            int columns = depth;
            if (end - step < depth) {
                columns = end - step;
            }
            for (int d = 0; d < columns; d++) {
                int row = d * pitch + y;
                int column = d * pitch + x;
                for (int i = 0; i < edge; i++) {
                    float a = aTile[row + SIDE * i];
                    for (int j = 0; j < edge; j++) {
                        sums[LARGE_EDGE * i + j] = a * bTile[column + SIDE * j] + sums[LARGE_EDGE * i + j];
                    }
                }
            }
        }
        int c = p.get(o) + tile / (tilesN * tilesM) * m * n;
        int bias = p.get(o + 3);
        for (int i = 0; i < edge; i++) {
            int row = m0 + y + SIDE * i;
            for (int j = 0; j < edge; j++) {
                int column = n0 + x + SIDE * j;
                if (row < m && column < n) {
                    float z = sums[j];
                    if (bias >= 0) {
                        z = z + floats.get(bias + column);
                    }
                    int index = row * n + column;
                    if (kind == TornadoFinish.DIFFERENTIATE) {
                        float derivative = TornadoActivation.derivative(floats.get(p.get(o + 4) + index), function);
                        floats.set(c + index, z * derivative);
                    } else {
                        TornadoFinish.store(floats, c, p.get(o + 4), index, z, kind, function);
                    }
                }
            }
            // The next row's sums take this one's place: an index that is no constant would keep them all in memory.
            for (int s = 0; s < LARGE_EDGE * (edge - 1); s++) {
                sums[s] = sums[s + LARGE_EDGE];
            }
        }
    }

    /** Of the {@code v}-th element that work-items bring to a tile: where it lies along K. */
    private static int along(int v, int along, int width, int depth) {
        int place = v / width;
        if (along == 1) {
            place = v % depth;
        }
        return place;
    }

    /** And where across. */
    private static int across(int v, int along, int width, int depth) {
        int place = v % width;
        if (along == 1) {
            place = v / depth;
        }
        return place;
    }

    /**
     * An element of the matrix [length, K] (or [K, length] if {@code along} is 0), zero outside of it and from {@code end}
     * on. (TornadoVM miscompiles stores to local memory in a method that returns nothing.)
     */
    private static float element(
            FloatArray floats, int matrix, int row, int length, int column, int end, int k, int along) {
        int at = column * length + row;
        if (along == 1) {
            at = row * k + column;
        }
        float value = 0f;
        if (row < length && column < end) {
            value = floats.get(matrix + at);
        }
        return value;
    }
}
