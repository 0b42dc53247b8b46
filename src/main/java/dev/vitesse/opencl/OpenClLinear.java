// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Tensor;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Linear layers: x [rows, I], weight [O, I], y [rows, O]; kernels in {@code linear.cl} and {@code finish.cl}. */
final class OpenClLinear {
    private static final String PRODUCTS = "linear";
    private static final String FINISH = "finish";

    // Epilogues, numbered as in activation.cl.
    private static final int ADD = 0;
    private static final int ACTIVATE = 1;
    private static final int DIFFERENTIATE = 2;

    private OpenClLinear() {}

    static void forward(
            Recording r, Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        int outputs = weight.dim(0);
        int inputs = weight.dim(1);
        int rows = rows(y);
        Ending ending = switch (epilogue) {
            case Epilogue.None none -> Ending.NONE;
            case Epilogue.Activate(Activation function, Tensor kept) ->
                new Ending(ACTIVATE, function, kept == null ? null : r.own(kept));
            case Epilogue.Add(Tensor residual) -> new Ending(ADD, null, r.own(residual));
        };
        product(r, new Product(r.own(y), r.own(x), r.own(weight), rows, outputs, inputs, true, true),
                bias == null ? null : r.own(bias), ending);
    }

    static void backwardInput(Recording r, Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        Ending ending = epilogue instanceof Epilogue.Activate(Activation function, Tensor preActivation)
                ? new Ending(DIFFERENTIATE, function, r.own(preActivation)) : Ending.NONE;
        product(r, new Product(r.own(dX), r.own(dY), r.own(weight), rows(dX), weight.dim(1), weight.dim(0), true, false),
                null, ending);
    }

    static void backwardWeight(Recording r, Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        backwardWeight(r, r.own(dWeight), dBias == null ? null : r.own(dBias), r.own(dY), r.own(x), rows(dY),
                dWeight.dim(0), dWeight.dim(1));
    }

    /** dWeight [outputs, inputs] = dY^T x and dBias [outputs] = the sum of dY over its rows. */
    static void backwardWeight(
            Recording r,
            Operand dWeight,
            @Nullable Operand dBias,
            Operand dY,
            Operand x,
            int rows,
            int outputs,
            int inputs) {
        product(r, new Product(dWeight, dY, x, outputs, inputs, rows, false, false), null, Ending.NONE);
        if (dBias != null) {
            OpenClReduce.columnSums(r, dBias, dY, rows, outputs);
        }
    }

    private static int rows(Tensor tensor) {
        return (int) (tensor.elements() / Math.max(1, tensor.dim(-1)));
    }

    /**
     * C [m, n] = A B.
     *
     * @param aByK whether A is stored [m, k], else [k, m]
     * @param bByK whether B is stored [n, k], else [k, n]
     */
    record Product(Operand c, Operand a, Operand b, int m, int n, int k, boolean aByK, boolean bByK) {}

    /**
     * What follows the product.
     *
     * @param epilogue {@code activation.cl}'s number of it
     * @param other the tensor that it reads or keeps, if any
     */
    record Ending(int epilogue, @Nullable Activation function, @Nullable Operand other) {
        static final Ending NONE = new Ending(ADD, null, null);

        /** {@code activation.cl}'s number of the function, 0 if there is none. */
        int activation() {
            return function == null ? 0 : switch (function) {
                case GELU -> 1;
                case GELU_TANH -> 2;
                case RELU -> 3;
                case TANH -> 4;
            };
        }
    }

    /** C = ending(A B + bias). */
    static void product(Recording r, Product p, @Nullable Operand bias, Ending ending) {
        if (p.m() == 0 || p.n() == 0) {
            return;
        }
        Map<String, Integer> sizes = sizes(r, p);
        int splits = splits(r, p, sizes);
        if (splits == 1) {
            unsplit(r, p, sizes, bias, ending);
            return;
        }
        int tile = sizes.get("TILE_K");
        int perSplit = (p.k() + splits * tile - 1) / (splits * tile) * tile;
        int parts = (p.k() + perSplit - 1) / perSplit;
        long elements = (long) p.m() * p.n();
        Operand.Scratch scratch = r.scratch(parts * elements);
        Product part = new Product(scratch, p.a(), p.b(), p.m(), p.n(), p.k(), p.aByK(), p.bByK());
        launch(r, part, sizes, perSplit, null, Ending.NONE);
        finish(r, p, scratch, parts, bias, ending);
    }

    /**
     * A program for each activation is worth its compilation only where the memory traffic of a kernel of its own would
     * be seen, which it is not beside a CPU's products.
     */
    private static void unsplit(
            Recording r, Product p, Map<String, Integer> sizes, @Nullable Operand bias, Ending ending) {
        int depth = Math.max(1, p.k());
        if (ending.function() == null || r.device().kind() != OpenClDevice.Kind.CPU) {
            launch(r, p, sizes, depth, bias, ending);
            return;
        }
        boolean keeps = ending.epilogue() == ACTIVATE && ending.other() != null;
        Operand z = keeps ? ending.other() : p.c();
        Product product = new Product(z, p.a(), p.b(), p.m(), p.n(), p.k(), p.aByK(), p.bByK());
        launch(r, product, sizes, depth, bias, Ending.NONE);
        finish(r, p, z, 1, null, keeps ? new Ending(ACTIVATE, ending.function(), null) : ending);
    }

    /** Large tiles where there are enough of them for the device, else small ones. */
    private static Map<String, Integer> sizes(Recording r, Product p) {
        Map<String, Integer> large = r.tuning().family("gemm.large");
        boolean enough = tiles(p, large) >= 2L * r.device().computeUnits();
        return enough ? large : r.tuning().family("gemm.small");
    }

    private static long tiles(Product p, Map<String, Integer> sizes) {
        return ceilDivide(p.m(), sizes.get("TILE_M")) * ceilDivide(p.n(), sizes.get("TILE_N"));
    }

    private static long ceilDivide(int a, int b) {
        return (a + (long) b - 1) / b;
    }

    /** Into how many parts K is split: more than one where the tiles alone do not fill the device. */
    private static int splits(Recording r, Product p, Map<String, Integer> sizes) {
        long wanted = 2L * r.device().computeUnits() / tiles(p, sizes);
        long possible = p.k() / (8L * sizes.get("TILE_K"));
        return (int) Math.max(1, Math.min(wanted, possible));
    }

    private static void launch(
            Recording r, Product p, Map<String, Integer> sizes, int perSplit, @Nullable Operand bias, Ending ending) {
        int vector = sizes.get("RV");
        boolean vectors = Recording.divides(vector, p.aByK() ? p.k() : p.m(), p.a())
                && Recording.divides(vector, p.bByK() ? p.k() : p.n(), p.b())
                && Recording.divides(vector, p.n(), p.c(), bias, ending.other());
        r.kernel(PRODUCTS, "gemm", 1).define(sizes)
                .define("EPILOGUE", ending.epilogue())
                .define("ACTIVATION", ending.activation())
                .define("A_BY_K", p.aByK())
                .define("B_BY_K", p.bByK())
                .define("LV", vectors ? vector : 1)
                .define("UNROLL_LOADS", r.device().kind() == OpenClDevice.Kind.GPU)
                .with(p.c(), p.a(), p.b(), bias, ending.other())
                .with(bias != null).with(ending.other() != null)
                .with(p.m()).with(p.n()).with(p.k()).with(perSplit)
                .groups(
                        new long[] {
                            ceilDivide(p.n(), sizes.get("TILE_N")),
                            ceilDivide(p.m(), sizes.get("TILE_M")),
                            Math.max(1, ceilDivide(p.k(), perSplit))
                        },
                        sizes.get("WG_N"), sizes.get("WG_M"), 1);
    }

    private static void finish(
            Recording r, Product p, Operand parts, int count, @Nullable Operand bias, Ending ending) {
        int vector = r.vector(p.n(), p.c(), parts, bias, ending.other());
        long vectors = (long) p.m() * p.n() / vector;
        r.kernel(FINISH, "finish", vector)
                .with(p.c(), parts, bias, ending.other())
                .with(bias != null).with(ending.other() != null)
                .with(ending.epilogue()).with(ending.activation())
                .with(count).with((int) vectors).with(p.n() / vector)
                .over(r.tuning().get("elementwise.ITEMS"), vectors);
    }
}
