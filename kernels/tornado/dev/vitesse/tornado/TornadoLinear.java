// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Tensor;
import dev.vitesse.tornado.TornadoFinish.Ending;
import org.jspecify.annotations.Nullable;

/**
 * C = epilogue(A B), [M, N] = [M, K] [K, N]: the three products of a linear layer.
 *
 * <pre>
 *   FORWARD          y  = x  W^T   A = x  [M, K]            B = W^T, stored [N, K]
 *   BACKWARD_INPUT   dX = dY W     A = dY [M, K]            B = W    [K, N]
 *   BACKWARD_WEIGHT  dW = dY^T x   A = dY^T, stored [K, M]  B = x    [K, N]
 * </pre>
 *
 * {@link TornadoGemm} multiplies on GPUs, {@link TornadoCpuGemm} on other devices, or a library does. Where C has too few
 * tiles to fill the device, each is computed in parts along K, which {@link TornadoFinish} adds in order.
 */
final class TornadoLinear {
    static final int FORWARD = 0;
    static final int BACKWARD_INPUT = 1;
    static final int BACKWARD_WEIGHT = 2;

    /** No part of a product that is split is shorter than this along K. */
    private static final int LEAST_PART = 64;

    private static final int MOST_PARTS = 64;

    private TornadoLinear() {}

    /** Where the matrices lie, their sizes, and which of the three products it is. */
    record Product(int c, int a, int b, int m, int n, int k, int layout) {}

    static void forward(Recording r, Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        int in = weight.dim(1);
        int out = weight.dim(0);
        int rows = (int) (y.elements() / Math.max(1, out));
        Ending ending = switch (epilogue) {
            case Epilogue.None none -> Ending.NONE;
            case Epilogue.Add add -> new Ending(TornadoFinish.ADD, 0, r.at(add.residual()));
            case Epilogue.Activate activate -> new Ending(
                    TornadoFinish.ACTIVATE, TornadoActivation.code(activate.function()), r.at(activate.preActivation()));
        };
        product(r, new Product(r.at(y), r.at(x), r.at(weight), rows, out, in, FORWARD), r.at(bias), ending);
    }

    static void backwardInput(Recording r, Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        int in = weight.dim(1);
        int rows = (int) (dX.elements() / Math.max(1, in));
        Ending ending = epilogue instanceof Epilogue.Activate activate
                ? new Ending(TornadoFinish.DIFFERENTIATE, TornadoActivation.code(activate.function()),
                        r.at(activate.preActivation()))
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
        if (p.m() == 0 || p.n() == 0) {
            return;
        }
        TornadoKernel library = r.library();
        if (library != null) {
            multiplyBy(library, r, p, bias, ending);
        } else if (r.compact()) {
            TornadoCpuGemm.product(r, p, bias, ending);
        } else {
            TornadoGemm.product(r, p, bias, ending);
        }
    }

    /** Parts along K in which to compute a product of so many tiles: 1 if they alone fill the device. */
    static int parts(Recording r, long tiles, int k) {
        return (int) Math.clamp(Math.min(Math.ceilDiv(2L * r.computeUnits(), tiles), k / LEAST_PART), 1, MOST_PARTS);
    }

    /** A library computes the product alone, in place unless the epilogue still needs what is there. */
    private static void multiplyBy(TornadoKernel library, Recording r, Product p, int bias, Ending ending) {
        int z = ending.other() == p.c() ? r.scratch(Math.multiplyExact(p.m(), p.n())) : p.c();
        r.launch(library, 1, 1, 1, z, p.a(), p.b(), -1, -1, p.m(), p.n(), p.k(), p.k(), 1, p.layout());
        if (bias >= 0 || ending.kind() != TornadoFinish.STORE) {
            TornadoFinish.launch(r, p, z, 1, bias, ending);
        }
    }
}
