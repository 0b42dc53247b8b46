// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * C = epilogue(A B), [M, N] = [M, K] [K, N]: the three products of a linear layer.
 *
 * <pre>
 *   FORWARD          y  = x  W^T   A = x  [M, K]            B = W^T, stored [N, K]
 *   BACKWARD_INPUT   dX = dY W     A = dY [M, K]            B = W    [K, N]
 *   BACKWARD_WEIGHT  dW = dY^T x   A = dY^T, stored [K, M]  B = x    [K, N]
 *
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
 * {@link #finish} adds them in order: small products then still fill the device. A group has one tile, or every so-manyth
 * where the grid is fixed.
 */
final class TornadoLinear {
    static final int FORWARD = 0;
    static final int BACKWARD_INPUT = 1;
    static final int BACKWARD_WEIGHT = 2;

    /** In place of a layout or an epilogue: not baked into the kernel but one of its parameters. */
    static final int ANY = -1;

    /** What is done with z = A B + bias. */
    private static final int STORE = 0;

    /** y = f(z), and other = z if there is an other. */
    private static final int ACTIVATE = 1;
    /** y = other + z. */
    private static final int ADD = 2;
    /** y = z f'(other). */
    private static final int DIFFERENTIATE = 3;

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

    /** No part of a product that is split is shorter than this along K. */
    private static final int LEAST_PART = 64;

    private TornadoLinear() {}

    /** Where the matrices lie, their sizes, and which of the three products it is. */
    record Product(int c, int a, int b, int m, int n, int k, int layout) {}

    private record Ending(int kind, int function, int other) {
        static final Ending NONE = new Ending(STORE, 0, -1);
    }

    static void forward(Recording r, Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        int in = weight.dim(1);
        int out = weight.dim(0);
        int rows = (int) (y.elements() / Math.max(1, out));
        Ending ending = switch (epilogue) {
            case Epilogue.None none -> Ending.NONE;
            case Epilogue.Add add -> new Ending(ADD, 0, r.at(add.residual()));
            case Epilogue.Activate activate -> new Ending(
                    ACTIVATE, TornadoActivation.code(activate.function()), r.at(activate.preActivation()));
        };
        product(r, new Product(r.at(y), r.at(x), r.at(weight), rows, out, in, FORWARD), r.at(bias), ending);
    }

    static void backwardInput(Recording r, Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        int in = weight.dim(1);
        int rows = (int) (dX.elements() / Math.max(1, in));
        Ending ending = epilogue instanceof Epilogue.Activate activate
                ? new Ending(DIFFERENTIATE, TornadoActivation.code(activate.function()), r.at(activate.preActivation()))
                : Ending.NONE;
        product(r, new Product(r.at(dX), r.at(dY), r.at(weight), rows, in, weight.dim(0), BACKWARD_INPUT), -1, ending);
    }

    static void backwardWeight(Recording r, Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        int rows = (int) (dY.elements() / Math.max(1, dWeight.dim(0)));
        backwardWeight(r, r.at(dWeight), r.at(dY), r.at(x), dWeight.dim(0), dWeight.dim(1), rows);
        if (dBias != null) {
            TornadoReduce.columnSums(r, r.at(dBias), r.at(dY), rows, dWeight.dim(0));
        }
    }

    static void backwardWeight(Recording r, int dWeight, int dY, int x, int out, int in, int rows) {
        product(r, new Product(dWeight, dY, x, out, in, rows, BACKWARD_WEIGHT), -1, Ending.NONE);
    }

    /** A product with or without a bias. */
    static void product(Recording r, Product product, @Nullable Tensor bias) {
        product(r, product, r.at(bias), Ending.NONE);
    }

    private static void product(Recording r, Product p, int bias, Ending ending) {
        int edge = edge(r, p);
        long tiles = tiles(p, edge);
        if (tiles == 0) {
            return;
        }
        TornadoKernel library = r.library();
        if (library != null) {
            multiplyBy(library, r, p, bias, ending);
            return;
        }
        int splits = Math.clamp(Math.min(Math.ceilDiv(2L * r.computeUnits(), tiles), p.k() / LEAST_PART), 1, 64);
        int depth = STEP / edge;
        int part = Math.max(depth, Math.ceilDiv(Math.ceilDiv(p.k(), splits), depth) * depth);
        splits = Math.max(1, Math.ceilDiv(p.k(), part));
        if (splits == 1 && (!r.compact() || ending.kind() == STORE)) {
            multiply(r, p, edge, p.c(), bias, ending, part, tiles);
            return;
        }
        int count = Math.multiplyExact(p.m(), p.n());
        int parts = r.scratch((long) splits * count);
        multiply(r, p, edge, parts, -1, Ending.NONE, part, tiles * splits);
        r.launchOver(finish(ending), count, p.c(), parts, bias, ending.other(), splits, count, p.n(), ending.kind(),
                ending.function());
    }

    /** Large tiles where there are enough of them to fill the device, and little of them lies beyond C. */
    private static int edge(Recording r, Product p) {
        long large = tiles(p, LARGE_EDGE);
        long area = large * LARGE_EDGE * LARGE_EDGE;
        boolean wellFilled = area <= MOST_PADDING * tiles(p, SMALL_EDGE) * SMALL_EDGE * SMALL_EDGE;
        return !r.compact() && wellFilled && large >= 2L * r.computeUnits() ? LARGE_EDGE : SMALL_EDGE;
    }

    private static long tiles(Product p, int edge) {
        return (long) Math.ceilDiv(p.m(), SIDE * edge) * Math.ceilDiv(p.n(), SIDE * edge);
    }

    private static void multiply(
            Recording r, Product p, int edge, int c, int bias, Ending ending, int part, long tiles) {
        TornadoKernel kernel = r.compact() ? gemm(ANY, Ending.NONE, edge) : gemm(p.layout(), ending, edge);
        r.launch(kernel, r.compact() ? r.groups() : tiles, 1, 1, c, p.a(), p.b(), bias, ending.other(), p.m(), p.n(), p.k(),
                part, Math.toIntExact(tiles), p.layout());
    }

    /** A library computes the product alone, in place unless the epilogue still needs what is there. */
    private static void multiplyBy(TornadoKernel library, Recording r, Product p, int bias, Ending ending) {
        int count = Math.multiplyExact(p.m(), p.n());
        int z = ending.other() == p.c() ? r.scratch(count) : p.c();
        r.launch(library, 1, 1, 1, z, p.a(), p.b(), -1, -1, p.m(), p.n(), p.k(), p.k(), 1, p.layout());
        if (bias >= 0 || ending.kind() != STORE) {
            r.launchOver(finish(ending), count, p.c(), z, bias, ending.other(), 1, count, p.n(), ending.kind(),
                    ending.function());
        }
    }

    private static TornadoKernel gemm(int layout, Ending ending, int edge) {
        String[] layouts = {"", "_forward", "_backward_input", "_backward_weight"};
        String method = edge == LARGE_EDGE ? "gemm_large" : "gemm";
        return new TornadoKernel(name(method + layouts[layout + 1], ending), "gemm", SIDE, SIDE, (id, a) -> TaskPackage.createPackage(
                id, TornadoLinear::gemm, a.context(), a.floats(), a.parameters(), a.slot(), layout, ending.kind(),
                ending.function(), edge));
    }

    private static TornadoKernel finish(Ending ending) {
        return new TornadoKernel(name("gemm_finish", ending), "finish", TornadoCopy.LOCAL, 1, (id, a) -> TaskPackage.createPackage(
                id, TornadoLinear::finish, a.context(), a.floats(), a.parameters(), a.slot(), ending.kind(),
                ending.function()), TornadoElements.FINISH);
    }

    private static String name(String method, Ending ending) {
        String[] kinds = {"", "_activate", "_add", "_differentiate"};
        String[] functions = {"_gelu", "_gelu_tanh", "_relu", "_tanh"};
        boolean hasFunction = ending.kind() == ACTIVATE || ending.kind() == DIFFERENTIATE;
        return method + kinds[ending.kind()] + (hasFunction ? functions[ending.function()] : "");
    }

    /**
     * Parameters: c, a, b, bias or -1, other or -1, M, N, K, columns of A in a part, tiles of all parts, layout.
     *
     * @param layout which product, or {@link #ANY} for that of the parameters
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
        int which = layout;
        if (layout == ANY) {
            which = p.get(o + 10);
        }
        // Whether neighbours along K are neighbours in memory; if not, those across are.
        int aAlong = 1;
        if (which == BACKWARD_WEIGHT) {
            aAlong = 0;
        }
        int bAlong = 0;
        if (which == FORWARD) {
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
        for (int tile = context.groupIdx; tile < p.get(o + 9); tile += context.globalGroupSizeX / SIDE) {
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
                        store(floats, c, p.get(o + 4), row * n + column, z, kind, function);
                    }
                }
                // The next row's sums take this one's place: an index that is no constant would keep them all in memory.
                for (int s = 0; s < LARGE_EDGE * (edge - 1); s++) {
                    sums[s] = sums[s + LARGE_EDGE];
                }
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

    private static void store(FloatArray floats, int y, int other, int index, float z, int kind, int function) {
        float value = z;
        if (kind == ACTIVATE) {
            if (other >= 0) {
                floats.set(other + index, z);
            }
            value = TornadoActivation.activate(z, function);
        }
        if (kind == ADD) {
            value = floats.get(other + index) + z;
        }
        if (kind == DIFFERENTIATE) {
            value = z * TornadoActivation.derivative(floats.get(other + index), function);
        }
        floats.set(y + index, value);
    }

    /**
     * y = epilogue(sum of the parts + bias), elementwise. Bound by memory. Parameters: y, parts [splits, count], bias
     * [width] or -1, other [count] or -1, splits, count, width, kind, function.
     *
     * @param kind of the epilogue, or {@link #ANY} for that of the parameters
     * @param function likewise
     */
    static void finish(
            KernelContext context, FloatArray floats, IntArray p, IntArray slot, int kind, int function) {
        int o = slot.get(0);
        int wantedKind = kind;
        int wantedFunction = function;
        if (kind == ANY) {
            wantedKind = p.get(o + 7);
            wantedFunction = p.get(o + 8);
        }
        int count = p.get(o + 5);
        for (int i = context.globalIdx; i < count; i += context.globalGroupSizeX) {
            int parts = p.get(o + 1);
            float z = 0f;
            for (int s = 0; s < p.get(o + 4); s++) {
                z = z + floats.get(parts + s * count + i);
            }
            int bias = p.get(o + 2);
            if (bias >= 0) {
                z = z + floats.get(bias + i % p.get(o + 6));
            }
            store(floats, p.get(o), p.get(o + 3), i, z, wantedKind, wantedFunction);
        }
    }
}
