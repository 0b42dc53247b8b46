// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The forward pass of {@link TornadoAttention} on CPUs. A group is one work-item and has one head of one image (y) and QUERIES
 * of its queries (x), past which blocks of KEYS keys and values go, one after the other in the same panel of local memory.
 * Both products are as in {@link TornadoCpuGemm}: ROWS x COLUMNS elements in registers, a row of the panel at a time. The
 * context tensor holds the sums of the blocks so far. Bound by the exponentials, which stay scalar, and by arithmetic.
 */
final class TornadoCpuAttention {
    private static final int QUERIES = 48;
    private static final int KEYS = 64;
    private static final int ROWS = 6;
    private static final int COLUMNS = 16;
    private static final int MOST_WIDTH = TornadoAttention.SIDE * TornadoAttention.MOST_COLUMNS;

    /** Bits of the place of COLUMNS elements of the panel or of the scores: the compiler can tell that it does not overflow. */
    private static final int PLACES = KEYS * MOST_WIDTH - COLUMNS;

    /** Local memory that the kernel needs. */
    static final int LOCAL_BYTES =
            Float.BYTES * (KEYS * MOST_WIDTH + QUERIES * KEYS + ROWS * COLUMNS + 3 * QUERIES);

    static final TornadoKernel KERNEL = new TornadoKernel("attention_cpu", "attention", 1, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoCpuAttention::attention, a.context(), a.floats(), a.parameters(), a.slot()));

    private TornadoCpuAttention() {}

    /** Work-groups along x. */
    static int blocks(int tokens) {
        return Math.ceilDiv(tokens, QUERIES);
    }

    /** Parameters as for {@link TornadoAttention#attention}. */
    static void attention(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] panel = context.allocateFloatLocalArray(KEYS * MOST_WIDTH); // keys [A][KEYS], then values [KEYS][A]
        float[] scores = context.allocateFloatLocalArray(QUERIES * KEYS);
        float[] block = context.allocateFloatLocalArray(ROWS * COLUMNS);
        float[] largest = context.allocateFloatLocalArray(QUERIES);
        float[] total = context.allocateFloatLocalArray(QUERIES);
        float[] correction = context.allocateFloatLocalArray(QUERIES);
        float[] sums = new float[ROWS * COLUMNS];
        int o = slot.get(0);
        int tokens = p.get(o + 3);
        int heads = p.get(o + 4);
        int headWidth = p.get(o + 5);
        float scale = floats.get(p.get(o + 6));
        int first = context.groupIdx * QUERIES;
        int queries = least(tokens - first, QUERIES);
        int image = context.groupIdy / heads;
        int head = context.groupIdy % heads;
        int width = heads * headWidth;
        int q = p.get(o + 2) + image * tokens * 3 * width + head * headWidth;
        int result = p.get(o) + (image * tokens + first) * width + head * headWidth;
        for (int row = 0; row < queries; row++) {
            largest[row] = TornadoAttention.LOWEST;
            total[row] = 0f;
        }
        for (int start = 0; start < tokens; start += KEYS) {
            int keys = least(tokens - start, KEYS);
            // Past the last key, and the last column, there is that one again, and what comes of it is not used.
            int paddedKeys = (keys + COLUMNS - 1) / COLUMNS * COLUMNS;
            int paddedWidth = (headWidth + COLUMNS - 1) / COLUMNS * COLUMNS;
            for (int c = 0; c < paddedKeys; c++) {
                int key = q + width + least(start + c, tokens - 1) * 3 * width;
                for (int a = 0; a < headWidth; a++) {
                    panel[a * KEYS + c] = floats.get(key + a);
                }
            }
            for (int row = 0; row < queries; row += ROWS) {
                for (int column = 0; column < paddedKeys; column += COLUMNS) {
                    for (int i = 0; i < ROWS * COLUMNS; i++) {
                        sums[i] = 0f;
                    }
                    for (int a = 0; a < headWidth; a++) {
                        int from = (a * KEYS + column) & PLACES;
                        for (int i = 0; i < ROWS; i++) {
                            float factor = floats.get(q + least(first + row + i, tokens - 1) * 3 * width + a);
                            for (int j = 0; j < COLUMNS; j++) {
                                sums[i * COLUMNS + j] = factor * panel[from + j] + sums[i * COLUMNS + j];
                            }
                        }
                    }
                    for (int i = 0; i < ROWS; i++) {
                        int to = ((row + i) * KEYS + column) & PLACES;
                        for (int j = 0; j < COLUMNS; j++) {
                            scores[to + j] = sums[i * COLUMNS + j];
                        }
                    }
                }
            }
            for (int row = 0; row < queries; row++) {
                int s = row * KEYS;
                float most = largest[row];
                for (int c = 0; c < keys; c++) {
                    most = TornadoMath.max(most, scores[s + c] * scale);
                }
                correction[row] = TornadoMath.exp(largest[row] - most);
                largest[row] = most;
                float sum = 0f;
                for (int c = 0; c < keys; c++) {
                    float weight = TornadoMath.exp(scores[s + c] * scale - most);
                    scores[s + c] = weight;
                    sum = sum + weight;
                }
                total[row] = total[row] * correction[row] + sum;
            }
            for (int c = 0; c < keys; c++) {
                int value = q + 2 * width + (start + c) * 3 * width;
                for (int a = 0; a < paddedWidth; a++) {
                    panel[c * MOST_WIDTH + a] = floats.get(value + least(a, headWidth - 1));
                }
            }
            for (int row = 0; row < queries; row += ROWS) {
                int rows = least(queries - row, ROWS);
                for (int column = 0; column < headWidth; column += COLUMNS) {
                    for (int i = 0; i < ROWS * COLUMNS; i++) {
                        sums[i] = 0f;
                    }
                    for (int c = 0; c < keys; c++) {
                        int from = (c * MOST_WIDTH + column) & PLACES;
                        for (int i = 0; i < ROWS; i++) {
                            float factor = scores[(row + i) * KEYS + c];
                            for (int j = 0; j < COLUMNS; j++) {
                                sums[i * COLUMNS + j] = factor * panel[from + j] + sums[i * COLUMNS + j];
                            }
                        }
                    }
                    for (int i = 0; i < ROWS * COLUMNS; i++) {
                        block[i] = sums[i];
                    }
                    int columns = least(headWidth - column, COLUMNS);
                    for (int i = 0; i < rows; i++) {
                        int to = result + (row + i) * width + column;
                        float before = correction[row + i];
                        for (int j = 0; j < columns; j++) {
                            float value = block[i * COLUMNS + j];
                            if (start > 0) {
                                value = floats.get(to + j) * before + value;
                            }
                            if (start + KEYS >= tokens) {
                                value = value / total[row + i];
                            }
                            floats.set(to + j, value);
                        }
                    }
                }
            }
        }
        if (p.get(o + 1) >= 0) {
            int logSumExp = p.get(o + 1) + context.groupIdy * tokens + first;
            for (int row = 0; row < queries; row++) {
                floats.set(logSumExp + row, largest[row] + TornadoMath.log(total[row]));
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
