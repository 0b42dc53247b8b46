// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.tornado.TornadoFinish.Ending;
import dev.vitesse.tornado.TornadoLinear.Product;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The products of {@link TornadoLinear} on CPUs. A group is one work-item, which no barrier cuts into pieces.
 *
 * <pre>
 *          n0                      A tile of C has COLUMNS columns and some hundred rows. Per step a group copies DEPTH rows
 *        +-+-+-+                   of its columns of B to local memory, as panel[DEPTH][COLUMNS], and multiplies them with
 *      K | |B| |                   ROWS rows of A at a time, which it reads where they are. ROWS x COLUMNS elements of C
 *        +-+-+-+                   stay in registers during a step, and are added to C behind it.
 *    +---+-+-+-+
 *  m0| A | |C| |
 *    +---+-+-+-+
 * </pre>
 *
 * Bound by arithmetic. TornadoVM generates a multiply-add for each of those elements, and the driver's compiler makes vector
 * instructions of neighbours, which it finds because the panel is an array of its own (what lies in {@code floats} it finds by
 * an address computed as an integer, and reads one by one), and because it can tell that {@code from + j} does not overflow.
 * Rows and columns past C's edges are the last ones again, and not stored.
 * Tile (s, m, n) is that of C over the s-th part of K; parts are stored one after the other, and {@link TornadoFinish} adds
 * them. A group has every so-manyth tile.
 */
final class TornadoCpuGemm {
    /** With 8 floats to a vector, 12 vectors of sums, 2 of B and 1 of A: as many as x86 has without AVX-512. */
    private static final int ROWS = 6;

    private static final int COLUMNS = 16;

    private static final int DEPTH = 256;

    /** Bits of the place of a row of the panel. */
    private static final int PLACES = (DEPTH - 1) * COLUMNS;

    /** Rows of a tile: so many that copying B's columns costs little beside them, and that they fit a cache with it. */
    private static final int MOST_HEIGHT = 384;

    private static final int LEAST_HEIGHT = 24;

    private static final int TILES_PER_UNIT = 4;

    private static final TornadoKernel KERNEL = new TornadoKernel("gemm_cpu", "gemm", 1, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoCpuGemm::gemm, a.context(), a.floats(), a.parameters(), a.slot()));

    private TornadoCpuGemm() {}

    /** C = ending(A B + bias), of a product with elements. */
    static void product(Recording r, Product p, int bias, Ending ending) {
        int panels = Math.ceilDiv(p.n(), COLUMNS);
        int bands = Math.max(Math.ceilDiv(p.m(), MOST_HEIGHT), Math.ceilDiv(TILES_PER_UNIT * r.computeUnits(), panels));
        int height = Math.max(LEAST_HEIGHT, Math.ceilDiv(Math.ceilDiv(p.m(), bands), ROWS) * ROWS);
        long tiles = (long) panels * Math.ceilDiv(p.m(), height);
        int part = Math.max(1, Math.ceilDiv(p.k(), TornadoLinear.parts(r, tiles, p.k())));
        int splits = Math.max(1, Math.ceilDiv(p.k(), part));
        boolean whole = splits == 1 && (ending.kind() == TornadoFinish.STORE || ending.kind() == TornadoFinish.ADD);
        int c = whole ? p.c() : r.scratch((long) splits * Math.multiplyExact(p.m(), p.n()));
        r.launch(KERNEL, r.groups(), 1, 1, c, p.a(), p.b(), whole ? bias : -1, whole ? ending.other() : -1, p.m(), p.n(),
                p.k(), part, Math.toIntExact(tiles * splits), p.layout(), height);
        if (!whole) {
            TornadoFinish.launch(r, p, c, splits, bias, ending);
        }
    }

    /**
     * C = A B + bias + other. Parameters: c, a, b, bias or -1, other or -1, M, N, K, columns of A in a part, tiles of all
     * parts, layout, rows of a tile.
     */
    static void gemm(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] panel = context.allocateFloatLocalArray(COLUMNS * DEPTH);
        float[] block = context.allocateFloatLocalArray(ROWS * COLUMNS);
        float[] sums = new float[ROWS * COLUMNS];
        int o = slot.get(0);
        int m = p.get(o + 5);
        int n = p.get(o + 6);
        int k = p.get(o + 7);
        int height = p.get(o + 11);
        // From an element of A to that of the next row, and of the next column; and so for B.
        int aRow = k;
        int aColumn = 1;
        if (p.get(o + 10) == TornadoLinear.BACKWARD_WEIGHT) {
            aRow = 1;
            aColumn = m;
        }
        int bRow = n;
        int bColumn = 1;
        if (p.get(o + 10) == TornadoLinear.FORWARD) {
            bRow = 1;
            bColumn = k;
        }
        int tilesN = (n + COLUMNS - 1) / COLUMNS;
        int tilesM = (m + height - 1) / height;
        for (int tile = context.groupIdx; tile < p.get(o + 9); tile += context.globalGroupSizeX) {
            int m0 = tile / tilesN % tilesM * height;
            int n0 = tile % tilesN * COLUMNS;
            int split = tile / (tilesN * tilesM);
            int c = p.get(o) + split * m * n;
            int first = split * p.get(o + 8);
            int end = least(first + p.get(o + 8), k);
            int rowEnd = least(m0 + height, m);
            int last = end;
            if (last == first) {
                last = first + 1; // K is 0: C is what is added to it
            }
            for (int start = first; start < last; start += DEPTH) {
                int depth = least(end - start, DEPTH);
                int b = p.get(o + 2) + start * bRow;
                for (int d = 0; d < depth; d++) {
                    int to = d * COLUMNS & PLACES;
                    for (int j = 0; j < COLUMNS; j++) {
                        panel[to + j] = floats.get(b + least(n0 + j, n - 1) * bColumn);
                    }
                    b = b + bRow;
                }
                for (int row = m0; row < rowEnd; row += ROWS) {
                    for (int i = 0; i < ROWS * COLUMNS; i++) {
                        sums[i] = 0f;
                    }
                    int a = p.get(o + 1) + start * aColumn;
                    for (int d = 0; d < depth; d++) {
                        int from = d * COLUMNS & PLACES;
                        for (int i = 0; i < ROWS; i++) {
                            float factor = floats.get(a + least(row + i, m - 1) * aRow);
                            for (int j = 0; j < COLUMNS; j++) {
                                sums[i * COLUMNS + j] = factor * panel[from + j] + sums[i * COLUMNS + j];
                            }
                        }
                        a = a + aColumn;
                    }
                    for (int i = 0; i < ROWS * COLUMNS; i++) {
                        block[i] = sums[i];
                    }
                    // What a sum is added to: at first, and then to the sums of the steps before.
                    int bias = p.get(o + 3);
                    int other = p.get(o + 4);
                    if (start > first) {
                        bias = -1;
                        other = c;
                    }
                    int rows = least(rowEnd - row, ROWS);
                    int columns = least(n - n0, COLUMNS);
                    for (int i = 0; i < rows; i++) {
                        int to = (row + i) * n + n0;
                        for (int j = 0; j < columns; j++) {
                            float z = block[i * COLUMNS + j];
                            if (bias >= 0) {
                                z = z + floats.get(bias + n0 + j);
                            }
                            if (other >= 0) {
                                z = z + floats.get(other + to + j);
                            }
                            floats.set(c + to + j, z);
                        }
                    }
                }
            }
        }
    }

    private static int least(int a, int b) {
        int value = a;
        if (b < a) {
            value = b;
        }
        return value;
    }
}
