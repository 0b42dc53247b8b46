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
 *            N                     A work-group computes TILE x TILE elements of C with SIDE x SIDE work-items. Per step
 *        +---+---+                 it brings DEPTH columns of A and rows of B to local memory, both laid out
 *      K |   | B |                 [DEPTH][PITCH]. A work-item keeps 4 x 4 elements of C in registers: rows y + 16 i,
 *        +---+---+                 columns x + 16 j, so that neighbours read neighbouring elements.
 *    +---+---+---+
 *  M | A |   | C |
 *    +---+---+---+
 * </pre>
 *
 * Bound by arithmetic: a step costs 2 TILE DEPTH loads for 2 TILE^2 DEPTH operations. Tile (s, m, n) is that of C over the
 * s-th part of K; if there are several parts, they are stored one after the other and {@link #finish} adds them in order:
 * small products then still fill the device. A group has one tile, or every so-manyth where the grid is fixed.
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

    private static final int TILE = 64;
    private static final int DEPTH = 16;
    private static final int SIDE = 16;
    private static final int ITEMS = SIDE * SIDE;
    /** Of a row of a tile in local memory; more than TILE, so that the columns that neighbours write lie in other banks. */
    private static final int PITCH = TILE + 4;
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
        int tilesM = Math.ceilDiv(p.m(), TILE);
        int tilesN = Math.ceilDiv(p.n(), TILE);
        long tiles = (long) tilesM * tilesN;
        if (tiles == 0) {
            return;
        }
        TornadoKernel library = r.library();
        if (library != null) {
            multiplyBy(library, r, p, bias, ending);
            return;
        }
        int splits = Math.clamp(Math.min(Math.ceilDiv(2L * r.computeUnits(), tiles), p.k() / LEAST_PART), 1, 64);
        int part = Math.max(DEPTH, Math.ceilDiv(Math.ceilDiv(p.k(), splits), DEPTH) * DEPTH);
        splits = Math.max(1, Math.ceilDiv(p.k(), part));
        if (splits == 1 && (!r.compact() || ending.kind() == STORE)) {
            multiply(r, p, p.c(), bias, ending, part, tiles);
            return;
        }
        int count = Math.multiplyExact(p.m(), p.n());
        int parts = r.scratch((long) splits * count);
        multiply(r, p, parts, -1, Ending.NONE, part, tiles * splits);
        r.launchOver(finish(ending), count, p.c(), parts, bias, ending.other(), splits, count, p.n(), ending.kind(),
                ending.function());
    }

    private static void multiply(Recording r, Product p, int c, int bias, Ending ending, int part, long tiles) {
        TornadoKernel kernel = r.compact() ? gemm(ANY, Ending.NONE) : gemm(p.layout(), ending);
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

    private static TornadoKernel gemm(int layout, Ending ending) {
        String[] layouts = {"", "_forward", "_backward_input", "_backward_weight"};
        return new TornadoKernel(name("gemm" + layouts[layout + 1], ending), "gemm", SIDE, SIDE, (id, a) -> TaskPackage.createPackage(
                id, TornadoLinear::gemm, a.context(), a.floats(), a.parameters(), a.slot(), layout, ending.kind(),
                ending.function()));
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
            KernelContext context, FloatArray floats, IntArray p, IntArray slot, int layout, int kind, int function) {
        float[] aTile = context.allocateFloatLocalArray(DEPTH * PITCH);
        float[] bTile = context.allocateFloatLocalArray(DEPTH * PITCH);
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
        int tilesN = (n + TILE - 1) / TILE;
        int tilesM = (m + TILE - 1) / TILE;
        float[] sums = new float[16];
        for (int tile = context.groupIdx; tile < p.get(o + 9); tile += context.globalGroupSizeX / SIDE) {
            int m0 = tile / tilesN % tilesM * TILE;
            int n0 = tile % tilesN * TILE;
            int first = tile / (tilesN * tilesM) * p.get(o + 8);
            int end = first + p.get(o + 8);
            if (end > k) {
                end = k;
            }
            for (int i = 0; i < 16; i++) {
                sums[i] = 0f;
            }
            for (int step = first; step < end; step += DEPTH) {
                for (int i = 0; i < TILE * DEPTH / ITEMS; i++) {
                    int v = item + i * ITEMS;
                    aTile[place(v, aAlong)] = element(floats, p.get(o + 1), v, aAlong, m0, m, step, end, k);
                    bTile[place(v, bAlong)] = element(floats, p.get(o + 2), v, bAlong, n0, n, step, end, k);
                }
                context.localBarrier();
                // Its length is not known to the compiler, which would unroll it into hundreds of operations.
                int depth = DEPTH;
                if (end - step < DEPTH) {
                    depth = end - step;
                }
                for (int d = 0; d < depth; d++) {
                    int row = d * PITCH + y;
                    int column = d * PITCH + x;
                    float b0 = bTile[column];
                    float b1 = bTile[column + 16];
                    float b2 = bTile[column + 32];
                    float b3 = bTile[column + 48];
                    for (int i = 0; i < 4; i++) {
                        float a = aTile[row + 16 * i];
                        sums[4 * i] = a * b0 + sums[4 * i];
                        sums[4 * i + 1] = a * b1 + sums[4 * i + 1];
                        sums[4 * i + 2] = a * b2 + sums[4 * i + 2];
                        sums[4 * i + 3] = a * b3 + sums[4 * i + 3];
                    }
                }
                context.localBarrier();
            }
            int c = p.get(o) + tile / (tilesN * tilesM) * m * n;
            int bias = p.get(o + 3);
            for (int i = 0; i < 4; i++) {
                int row = m0 + y + 16 * i;
                for (int j = 0; j < 4; j++) {
                    int column = n0 + x + 16 * j;
                    if (row < m && column < n) {
                        float z = sums[4 * i + j];
                        if (bias >= 0) {
                            z = z + floats.get(bias + column);
                        }
                        store(floats, c, p.get(o + 4), row * n + column, z, kind, function);
                    }
                }
            }
        }
    }

    /** Where in its tile a work-item puts the {@code v}-th element: consecutive ones lie side by side in memory. */
    private static int place(int v, int along) {
        int place = v / TILE * PITCH + v % TILE;
        if (along == 1) {
            place = v % DEPTH * PITCH + v / DEPTH;
        }
        return place;
    }

    /**
     * The element for that place, zero outside of the matrix [length, K] (or [K, length] if {@code along} is 0) and from
     * {@code end} on. (TornadoVM miscompiles stores to local memory in a method that returns nothing.)
     */
    private static float element(
            FloatArray floats, int matrix, int v, int along, int across0, int length, int step, int end, int k) {
        int column = step + v / TILE;
        int row = across0 + v % TILE;
        int at = column * length + row;
        if (along == 1) {
            column = step + v % DEPTH;
            row = across0 + v / DEPTH;
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
