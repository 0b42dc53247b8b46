// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The end of a residual branch where something is scaled or dropped, and its derivatives; bound by memory. Whether an
 * element is kept is computed from seed, step and site ({@link Dropout} has the definition), never stored.
 */
final class TornadoResidual {
    private static final TornadoKernel FORWARD = new TornadoKernel("residual_add", "residualAdd", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoResidual::residualAdd, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()), TornadoElements.RESIDUAL_ADD);
    private static final TornadoKernel SCALE = new TornadoKernel("residual_scale", "scaleParts", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoResidual::scaleParts, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()), TornadoElements.RESIDUAL_SCALE);

    private TornadoResidual() {}

    /**
     * The parameters {@code first} (six) and those of the dropout: random or -1 if nothing is dropped, what is kept is
     * scaled by, site, thresholds, elements of a batch entry.
     */
    private static int[] withDropout(
            Recording r, Dropout dropout, @Nullable Tensor random, int entryLength, int... first) {
        int[] all = Arrays.copyOf(first, 12);
        all[6] = dropout.dropsNothing() ? -1 : r.at(random);
        all[7] = r.constants((float) (1 / ((1 - (double) dropout.rate()) * (1 - (double) dropout.pathRate()))));
        all[8] = dropout.site();
        all[9] = Dropout.threshold(dropout.rate());
        all[10] = Dropout.threshold(dropout.pathRate());
        all[11] = entryLength;
        return all;
    }

    private static int entryLength(Tensor y) {
        return (int) (y.elements() / Math.max(1, y.dim(0)));
    }

    static void forward(
            Recording r, Tensor y, Tensor branch, @Nullable Tensor residual, @Nullable Tensor scale, Dropout dropout,
            @Nullable Tensor random) {
        int count = (int) y.elements();
        r.launchOver(FORWARD, count, withDropout(r, dropout, random, entryLength(y), r.at(y), r.at(branch), r.at(residual),
                r.at(scale), count, y.dim(-1)));
    }

    static void backward(
            Recording r, Tensor dBranch, @Nullable Tensor dScale, Tensor dY, @Nullable Tensor branch,
            @Nullable Tensor scale, Dropout dropout, @Nullable Tensor random) {
        int width = dY.dim(-1);
        int count = (int) dY.elements();
        if (dScale != null && count > 0) {
            // Before dBranch, which may overwrite dY.
            int rows = count / width;
            int chunk = TornadoReduce.chunk(rows);
            int chunks = Math.ceilDiv(rows, chunk);
            int parts = r.scratch((long) chunks * width);
            r.launchOver(SCALE, (long) chunks * width, withDropout(r, dropout, random, entryLength(dY),
                    parts, r.at(dY), r.at(branch), rows, width, chunk));
            TornadoReduce.addParts(r, r.at(dScale), parts, chunks, width, width);
        }
        r.launchOver(FORWARD, count, withDropout(r, dropout, random, entryLength(dY), r.at(dBranch), r.at(dY), -1,
                r.at(scale), count, width));
    }

    /** lowbias32; shifts bring in copies of the sign, which the masks take off, because {@code >>>} compiles to that. */
    private static int mix(int value) {
        int x = value + 0x9e3779b9;
        x = (x ^ ((x >> 16) & 0xffff)) * 0x7feb352d;
        x = (x ^ ((x >> 15) & 0x1ffff)) * 0x846ca68b;
        return x ^ ((x >> 16) & 0xffff);
    }

    private static int hash(int index, int key) {
        return (mix(mix(index) ^ key) >> 8) & 0xffffff;
    }

    /** drop(value) for element {@code i}; {@code o} is where the parameters of the dropout start. */
    private static float drop(FloatArray floats, IntArray ints, IntArray p, int o, int i, float value) {
        int random = p.get(o);
        float kept = value;
        if (random >= 0) {
            kept = value * multiplier(floats, ints, p, o, random, i);
        }
        return kept;
    }

    private static float multiplier(FloatArray floats, IntArray ints, IntArray p, int o, int random, int i) {
        int site = p.get(o + 2);
        int state = mix(ints.get(random + 1) ^ mix(ints.get(random)));
        int element = hash(i, mix((2 * site) ^ state));
        int entry = hash(i / p.get(o + 5), mix((2 * site + 1) ^ state));
        float factor = 0f;
        if (element >= p.get(o + 3) && entry >= p.get(o + 4)) {
            factor = floats.get(p.get(o + 1));
        }
        return factor;
    }

    /**
     * y = residual + drop(scale branch), and, because the factors commute, dBranch = scale drop(dY). Parameters: y, branch,
     * residual or -1, scale or -1, count, width, those of the dropout.
     */
    static void residualAdd(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        for (int i = context.globalIdx; i < p.get(o + 4); i += context.globalGroupSizeX) {
            float value = floats.get(p.get(o + 1) + i);
            if (p.get(o + 3) >= 0) {
                value = value * floats.get(p.get(o + 3) + i % p.get(o + 5));
            }
            value = drop(floats, ints, p, o + 6, i, value);
            if (p.get(o + 2) >= 0) {
                value = value + floats.get(p.get(o + 2) + i);
            }
            floats.set(p.get(o) + i, value);
        }
    }

    /**
     * A chunk's share of dScale = sum of drop(dY) branch over the rows. Parameters: parts [chunks, width], dY, branch, rows,
     * width, chunk, those of the dropout.
     */
    static void scaleParts(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int width = p.get(o + 4);
        for (int part = context.globalIdx; part < TornadoReduce.parts(p.get(o + 3), p.get(o + 5), width); part += context.globalGroupSizeX) {
            int column = part % width;
            int first = part / width * p.get(o + 5);
            int end = first + p.get(o + 5);
            if (end > p.get(o + 3)) {
                end = p.get(o + 3);
            }
            float sum = 0f;
            for (int row = first; row < end; row++) {
                int i = row * width + column;
                float value = drop(floats, ints, p, o + 6, i, floats.get(p.get(o + 1) + i));
                sum = sum + value * floats.get(p.get(o + 2) + i);
            }
            floats.set(p.get(o) + part, sum);
        }
    }
}
