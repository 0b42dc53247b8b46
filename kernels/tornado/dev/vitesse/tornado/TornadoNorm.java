// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Tensor;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Layer normalisation of the rows of x [rows, width], forward and backward. A work-group has ROWS rows with LANES
 * work-items each. Bound by memory: each row comes from main memory once, further passes read it from the cache.
 */
final class TornadoNorm {
    private static final int LANES = 32;
    private static final int ROWS = 4;

    private static final TornadoKernel FORWARD = new TornadoKernel("layer_norm", "layerNorm", LANES * ROWS, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoNorm::layerNorm, a.context(), a.floats(), a.parameters(), a.slot()));
    private static final TornadoKernel BACKWARD = new TornadoKernel("layer_norm_backward", "layerNormBackward", LANES * ROWS, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoNorm::layerNormBackward, a.context(), a.floats(), a.parameters(), a.slot()));
    private static final TornadoKernel PARAMETERS = new TornadoKernel("layer_norm_parameters", "parameters", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoNorm::parameters, a.context(), a.floats(), a.parameters(), a.slot()), TornadoElements.NORM_PARAMETERS);

    private TornadoNorm() {}

    static void forward(
            Recording r, Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        int rows = (int) mean.elements();
        r.launch(FORWARD, Math.ceilDiv(rows, ROWS), 1, 1, r.at(y), r.at(mean), r.at(rstd), r.at(x), r.at(gamma),
                r.at(beta), rows, x.dim(-1), r.constants(epsilon));
    }

    static void backward(
            Recording r, Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd,
            Tensor gamma) {
        int rows = (int) mean.elements();
        int width = x.dim(-1);
        r.launch(BACKWARD, Math.ceilDiv(rows, ROWS), 1, 1, r.at(dX), r.at(dY), r.at(x), r.at(mean), r.at(rstd),
                r.at(gamma), rows, width);
        int chunk = TornadoReduce.chunk(rows);
        int chunks = Math.max(1, Math.ceilDiv(rows, chunk));
        int parts = r.scratch(2L * chunks * width);
        r.launchOver(PARAMETERS, (long) chunks * width, parts, r.at(dY), r.at(x), r.at(mean), r.at(rstd), rows, width,
                chunk);
        TornadoReduce.addParts(r, r.at(dGamma), parts, chunks, width, 2 * width);
        TornadoReduce.addParts(r, r.at(dBeta), parts + width, chunks, width, 2 * width);
    }

    /**
     * mean = sum(x) / D, variance = sum((x - mean)^2) / D in a second pass, rstd = 1 / sqrt(variance + epsilon), y = gamma
     * (x - mean) rstd + beta. Parameters: y, mean, rstd, x, gamma, beta, rows, width, epsilon.
     */
    static void layerNorm(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int rows = p.get(o + 6);
        int width = p.get(o + 7);
        int lane = context.localIdx % LANES;
        int base = context.localIdx - lane;
        int item = context.groupIdx * ROWS + context.localIdx / LANES;
        int row = item;
        if (row > rows - 1) {
            row = rows - 1; // computed again but not stored, because every work-item must reach the barriers
        }
        int x = p.get(o + 3) + row * width;
        float sum = 0f;
        for (int i = lane; i < width; i += LANES) {
            sum = sum + floats.get(x + i);
        }
        float mean = TornadoReduce.sum(context, base, lane, LANES, sum) / width;
        float squares = 0f;
        for (int i = lane; i < width; i += LANES) {
            float difference = floats.get(x + i) - mean;
            squares = squares + difference * difference;
        }
        float variance = TornadoReduce.sum(context, base, lane, LANES, squares) / width;
        float rstd = 1f / TornadoMath.sqrt(variance + floats.get(p.get(o + 8)));
        if (item < rows) {
            int y = p.get(o) + row * width;
            int gamma = p.get(o + 4);
            int beta = p.get(o + 5);
            for (int i = lane; i < width; i += LANES) {
                float normalised = (floats.get(x + i) - mean) * rstd;
                floats.set(y + i, floats.get(gamma + i) * normalised + floats.get(beta + i));
            }
            if (lane == 0) {
                floats.set(p.get(o + 1) + row, mean);
                floats.set(p.get(o + 2) + row, rstd);
            }
        }
    }

    /**
     * dX += rstd (g - mean(g) - xh mean(g xh)) with g = gamma dY and xh = (x - mean) rstd. Parameters: dX, dY, x, mean,
     * rstd, gamma, rows, width.
     */
    static void layerNormBackward(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int rows = p.get(o + 6);
        int width = p.get(o + 7);
        int lane = context.localIdx % LANES;
        int base = context.localIdx - lane;
        int item = context.groupIdx * ROWS + context.localIdx / LANES;
        int row = item;
        if (row > rows - 1) {
            row = rows - 1;
        }
        int dy = p.get(o + 1) + row * width;
        int x = p.get(o + 2) + row * width;
        float mean = floats.get(p.get(o + 3) + row);
        float rstd = floats.get(p.get(o + 4) + row);
        int gamma = p.get(o + 5);
        float sum = 0f;
        float weighted = 0f;
        for (int i = lane; i < width; i += LANES) {
            float g = floats.get(gamma + i) * floats.get(dy + i);
            sum = sum + g;
            weighted = weighted + g * ((floats.get(x + i) - mean) * rstd);
        }
        float meanG = TornadoReduce.sum(context, base, lane, LANES, sum) / width;
        float meanGxh = TornadoReduce.sum(context, base, lane, LANES, weighted) / width;
        if (item < rows) {
            int dx = p.get(o) + row * width;
            for (int i = lane; i < width; i += LANES) {
                float xh = (floats.get(x + i) - mean) * rstd;
                float g = floats.get(gamma + i) * floats.get(dy + i);
                floats.set(dx + i, floats.get(dx + i) + rstd * (g - meanG - xh * meanGxh));
            }
        }
    }

    /**
     * A chunk's share of dGamma = sum dY xh and dBeta = sum dY. Parameters: parts [chunks, 2, width], dY, x, mean, rstd,
     * rows, width, chunk.
     */
    static void parameters(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int o = slot.get(0);
        int width = p.get(o + 6);
        for (int i = context.globalIdx; i < TornadoReduce.parts(p.get(o + 5), p.get(o + 7), width); i += context.globalGroupSizeX) {
            int column = i % width;
            int dy = p.get(o + 1) + column;
            int x = p.get(o + 2) + column;
            int mean = p.get(o + 3);
            int rstd = p.get(o + 4);
            int first = i / width * p.get(o + 7);
            int end = first + p.get(o + 7);
            if (end > p.get(o + 5)) {
                end = p.get(o + 5);
            }
            float dGamma = 0f;
            float dBeta = 0f;
            for (int row = first; row < end; row++) {
                float d = floats.get(dy + row * width);
                float xh = (floats.get(x + row * width) - floats.get(mean + row)) * floats.get(rstd + row);
                dGamma = dGamma + d * xh;
                dBeta = dBeta + d;
            }
            int parts = p.get(o) + i / width * 2 * width + column;
            floats.set(parts, dGamma);
            floats.set(parts + width, dBeta);
        }
    }
}
