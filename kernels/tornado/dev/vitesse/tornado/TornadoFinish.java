// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What follows a product of {@link TornadoLinear}: in the product's own kernel, or in one that also adds the parts of a
 * product that was split.
 */
final class TornadoFinish {
    /** What is done with z = A B + bias. */
    static final int STORE = 0;

    /** y = f(z), and other = z if there is an other. */
    static final int ACTIVATE = 1;
    /** y = other + z. */
    static final int ADD = 2;
    /** y = z f'(other). */
    static final int DIFFERENTIATE = 3;

    /** In place of a kind or a function: not baked into the kernel but one of its parameters. */
    static final int ANY = -1;

    private TornadoFinish() {}

    /**
     * An epilogue.
     *
     * @param function of {@link TornadoActivation}
     * @param other where its other tensor starts, or -1
     */
    record Ending(int kind, int function, int other) {
        static final Ending NONE = new Ending(STORE, 0, -1);
    }

    /** C = ending(sum of the parts + bias), of {@code splits} parts [M, N] one after the other. */
    static void launch(Recording r, TornadoLinear.Product p, int parts, int splits, int bias, Ending ending) {
        int count = Math.multiplyExact(p.m(), p.n());
        r.launchOver(kernel(ending), count, p.c(), parts, bias, ending.other(), splits, count, p.n(), ending.kind(),
                ending.function());
    }

    private static TornadoKernel kernel(Ending ending) {
        String name = name("gemm_finish", ending);
        if (ending.kind() == DIFFERENTIATE) {
            return new TornadoKernel(name, "differentiate", TornadoCopy.LOCAL, 1, (id, a) -> TaskPackage.createPackage(id,
                    TornadoFinish::differentiate, a.context(), a.floats(), a.parameters(), a.slot(), ending.function()),
                    TornadoElements.FINISH_DIFFERENTIATE);
        }
        return new TornadoKernel(name, "finish", TornadoCopy.LOCAL, 1, (id, a) -> TaskPackage.createPackage(id,
                TornadoFinish::finish, a.context(), a.floats(), a.parameters(), a.slot(), ending.kind(), ending.function()),
                TornadoElements.FINISH);
    }

    /** The name of a kernel of {@code method} that ends so. */
    static String name(String method, Ending ending) {
        String[] kinds = {"", "_activate", "_add", "_differentiate"};
        String[] functions = {"_gelu", "_gelu_tanh", "_relu", "_tanh"};
        boolean hasFunction = ending.kind() == ACTIVATE || ending.kind() == DIFFERENTIATE;
        return method + kinds[ending.kind()] + (hasFunction ? functions[ending.function()] : "");
    }

    /**
     * y = f(z), other + z or z, elementwise, with z the sum of the parts + bias. Bound by memory. Parameters: y, parts
     * [splits, count], bias [width] or -1, other [count] or -1, splits, count, width, kind, function.
     *
     * @param kind of the epilogue, any but {@link #DIFFERENTIATE}, or {@link #ANY} for that of the parameters
     * @param function likewise
     */
    static void finish(KernelContext context, FloatArray floats, IntArray p, IntArray slot, int kind, int function) {
        int o = slot.get(0);
        int wantedKind = kind;
        int wantedFunction = function;
        if (kind == ANY) {
            wantedKind = p.get(o + 7);
            wantedFunction = p.get(o + 8);
        }
        int count = p.get(o + 5);
        for (int i = context.globalIdx; i < count; i += context.globalGroupSizeX) {
            float z = sum(floats, p, o, i, count);
            int bias = p.get(o + 2);
            if (bias >= 0) {
                z = z + floats.get(bias + i % p.get(o + 6));
            }
            store(floats, p.get(o), p.get(o + 3), i, z, wantedKind, wantedFunction);
        }
    }

    /** y = f'(other) times the sum of the parts; parameters and {@code function} as for {@link #finish}. */
    static void differentiate(KernelContext context, FloatArray floats, IntArray p, IntArray slot, int function) {
        int o = slot.get(0);
        int wanted = function;
        if (function == ANY) {
            wanted = p.get(o + 8);
        }
        int count = p.get(o + 5);
        for (int i = context.globalIdx; i < count; i += context.globalGroupSizeX) {
            float z = sum(floats, p, o, i, count);
            floats.set(p.get(o) + i, z * TornadoActivation.derivative(floats.get(p.get(o + 3) + i), wanted));
        }
    }

    private static float sum(FloatArray floats, IntArray p, int o, int i, int count) {
        int parts = p.get(o + 1) + i;
        float z = 0f;
        for (int s = 0; s < p.get(o + 4); s++) {
            z = z + floats.get(parts + s * count);
        }
        return z;
    }

    /** Ends element {@code index} of C, of any kind but {@link #DIFFERENTIATE}. */
    static void store(FloatArray floats, int y, int other, int index, float z, int kind, int function) {
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
        floats.set(y + index, value);
    }
}
