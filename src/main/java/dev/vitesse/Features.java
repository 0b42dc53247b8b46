// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import dev.vitesse.model.Intermediates;
import dev.vitesse.model.VitConfig;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a model makes of an image before its head classifies it: vectors to compare, cluster or search images by.
 *
 * @param classToken the class token that leaves the last block, after the final norm: [D]; null if the model has none
 * @param patchMean the mean of the patches' tokens, likewise: [D]
 * @param pooled what the head reads, after the final norm; of two vectors (DeiT, DINOv2) the first: [D]
 * @param tokens all tokens that leave the last block, after the final norm where that stands before pooling: [T, D]
 * @param blocks the tokens that leave each block, before the final norm: L times [T, D]
 */
public record Features(
        float @Nullable [] classToken, float[] patchMean, float[] pooled, float[] tokens, List<float[]> blocks) {

    static Features of(VitConfig config, Intermediates computed) {
        float[] tokens = computed.tokens();
        int width = config.width();
        float[] classToken = config.classToken() ? Arrays.copyOf(tokens, width) : null;
        List<float[]> blocks = IntStream.range(0, config.depth()).mapToObj(computed::block).toList();
        return new Features(classToken, patchMean(config, tokens), computed.pooled(), tokens, blocks);
    }

    private static float[] patchMean(VitConfig config, float[] tokens) {
        int width = config.width();
        double[] sum = new double[width];
        for (int token = config.prefixTokens(); token < config.tokens(); token++) {
            for (int d = 0; d < width; d++) {
                sum[d] += tokens[token * width + d];
            }
        }
        float[] mean = new float[width];
        for (int d = 0; d < width; d++) {
            mean[d] = (float) (sum[d] / config.patches());
        }
        return mean;
    }
}
