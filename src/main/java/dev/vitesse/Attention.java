// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import dev.vitesse.model.Intermediates;
import dev.vitesse.model.VitConfig;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/** Where a model looked: how much of each token went into each other one, by block and head. */
public final class Attention {
    private final VitConfig config;
    private final List<float[]> blocks;

    private Attention(VitConfig config, List<float[]> blocks) {
        this.config = config;
        this.blocks = blocks;
    }

    static Attention of(VitConfig config, Intermediates computed) {
        return new Attention(config, IntStream.range(0, config.depth()).mapToObj(computed::attention).toList());
    }

    /** The number of blocks (L). */
    public int blocks() {
        return blocks.size();
    }

    /** The number of heads in each block (H). */
    public int heads() {
        return config.heads();
    }

    /** The number of tokens (T): {@link #prefixTokens}, then the patches row by row. */
    public int tokens() {
        return config.tokens();
    }

    /** Tokens before the patches: class token, distillation token and registers, as far as the model has them. */
    public int prefixTokens() {
        return config.prefixTokens();
    }

    /** Patches in a row and in a column. */
    public int grid() {
        return config.imageSize() / config.patchSize();
    }

    /**
     * The probabilities of one block: [H, T, T]. Row i of a head says how much of each token goes into token i; it sums
     * to 1.
     *
     * @throws IndexOutOfBoundsException if there is no such block
     */
    public float[] block(int block) {
        return blocks.get(Objects.checkIndex(block, blocks.size())).clone();
    }

    /**
     * One head's probabilities: [T, T].
     *
     * @throws IndexOutOfBoundsException if there is no such block or head
     */
    public float[] head(int block, int head) {
        Objects.checkIndex(head, heads());
        int size = tokens() * tokens();
        float[] probabilities = new float[size];
        System.arraycopy(blocks.get(Objects.checkIndex(block, blocks.size())), head * size, probabilities, 0, size);
        return probabilities;
    }

    /** The mean of a block's heads: [T, T]. */
    public float[] mean(int block) {
        float[] all = blocks.get(Objects.checkIndex(block, blocks.size()));
        int size = tokens() * tokens();
        float[] mean = new float[size];
        for (int i = 0; i < all.length; i++) {
            mean[i % size] += all[i] / heads();
        }
        return mean;
    }

    /**
     * Attention rollout (Abnar and Zuidema 2020, arXiv:2005.00928): how much of each of the first block's tokens there
     * is in each of the last one's. A block passes on half of its tokens as they are, by the residual, and half as the
     * mean of its heads mixes them; the blocks' mixtures are multiplied.
     *
     * @return [T, T], rows sum to 1
     */
    public float[] rollout() {
        int tokens = tokens();
        float[] rollout = identity(tokens);
        for (int block = 0; block < blocks.size(); block++) {
            float[] mixture = mean(block);
            for (int i = 0; i < mixture.length; i++) {
                mixture[i] /= 2;
            }
            for (int i = 0; i < tokens; i++) {
                mixture[i * tokens + i] += 0.5f;
            }
            rollout = product(mixture, rollout, tokens);
        }
        return rollout;
    }

    private static float[] identity(int size) {
        float[] matrix = new float[size * size];
        for (int i = 0; i < size; i++) {
            matrix[i * size + i] = 1;
        }
        return matrix;
    }

    private static float[] product(float[] a, float[] b, int size) {
        float[] c = new float[size * size];
        for (int i = 0; i < size; i++) {
            for (int k = 0; k < size; k++) {
                float factor = a[i * size + k];
                for (int j = 0; j < size; j++) {
                    c[i * size + j] += factor * b[k * size + j];
                }
            }
        }
        return c;
    }

    /**
     * How much of each patch went into what the head reads: of a [T, T] matrix such as {@link #rollout} the class
     * token's row, or where the model has no class token the mean of the patches' rows; the patches' columns of it.
     *
     * @return [{@link #grid}, {@link #grid}]
     * @throws IllegalArgumentException if {@code matrix} is not [T, T]
     */
    public float[] map(float[] matrix) {
        int tokens = tokens();
        if (matrix.length != tokens * tokens) {
            throw new IllegalArgumentException(
                    "matrix has " + matrix.length + " elements; [T, T] has " + tokens * tokens);
        }
        int first = config.classToken() ? 0 : prefixTokens();
        int rows = config.classToken() ? 1 : tokens - first;
        float[] map = new float[config.patches()];
        for (int row = first; row < first + rows; row++) {
            for (int patch = 0; patch < map.length; patch++) {
                map[patch] += matrix[row * tokens + prefixTokens() + patch] / rows;
            }
        }
        return map;
    }
}
