// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** Turns calls into launches; each family of operations has a class of its own. */
final class OpenClRecorder implements Kernels {
    private final Recording recording;

    OpenClRecorder(Recording recording) {
        this.recording = recording;
    }

    private Recording begin() {
        recording.beginOperation();
        return recording;
    }

    @Override
    public void patchEmbedding(
            Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix, Tensor position) {
        OpenClPatches.forward(begin(), tokens, images, weight, bias, prefix, position);
    }

    @Override
    public void patchEmbeddingBackward(
            @Nullable Tensor dImages,
            Tensor dWeight,
            Tensor dBias,
            @Nullable Tensor dPrefix,
            @Nullable Tensor dPosition,
            Tensor dTokens,
            Tensor images,
            Tensor weight) {
        Recording r = begin();
        OpenClPatches.backwardWeight(r, dWeight, dBias, dTokens, images);
        OpenClPatches.backwardTokens(r, dPrefix, dPosition, dTokens, images, weight);
        if (dImages != null) {
            OpenClPatches.backwardImages(begin(), dImages, dTokens, weight);
        }
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        OpenClNorm.forward(begin(), y, mean, rstd, x, gamma, beta, epsilon);
    }

    @Override
    public void layerNormBackward(
            Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
        OpenClNorm.backward(begin(), dX, dGamma, dBeta, dY, x, mean, rstd, gamma);
    }

    @Override
    public void linear(Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        OpenClLinear.forward(begin(), y, x, weight, bias, epilogue);
    }

    @Override
    public void linearBackwardInput(Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        OpenClLinear.backwardInput(begin(), dX, dY, weight, epilogue);
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        OpenClLinear.backwardWeight(begin(), dWeight, dBias, dY, x);
    }

    @Override
    public void attention(Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        OpenClAttention.forward(begin(), context, logSumExp, qkv, heads);
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        OpenClAttention.backward(begin(), dQkv, dContext, context, qkv, logSumExp, heads);
    }

    @Override
    public void residualAdd(
            Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        OpenClResidual.forward(begin(), y, branch, residual, scale, dropout, random);
    }

    @Override
    public void residualAddBackward(
            Tensor dBranch,
            @Nullable Tensor dScale,
            Tensor dY,
            @Nullable Tensor branch,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        OpenClResidual.backward(begin(), dBranch, dScale, dY, branch, scale, dropout, random);
    }

    @Override
    public void pool(Tensor pooled, Tensor x, int first, int count) {
        OpenClPool.forward(begin(), pooled, x, first, count);
    }

    @Override
    public void poolBackward(Tensor dX, Tensor dPooled, int first, int count) {
        OpenClPool.backward(begin(), dX, dPooled, first, count);
    }

    @Override
    public void crossEntropy(
            Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        OpenClLoss.crossEntropy(begin(), metrics, dLogits, logits, labels, smoothing);
    }

    @Override
    public void sumOfSquares(Tensor sum, Tensor x) {
        OpenClReduce.sumOfSquares(begin(), sum, x);
    }

    @Override
    public void clipFactor(Tensor clip, Tensor sums, float maxNorm) {
        OpenClOptimizer.clipFactor(begin(), clip, sums, maxNorm);
    }

    @Override
    public void adam(
            Tensor weight,
            Tensor m,
            Tensor v,
            Tensor gradient,
            Tensor schedule,
            Tensor clip,
            OptimizerRule.Adam rule) {
        OpenClOptimizer.adam(begin(), weight, m, v, gradient, schedule, clip, rule);
    }

    @Override
    public void sgd(
            Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Sgd rule) {
        OpenClOptimizer.sgd(begin(), weight, velocity, gradient, schedule, clip, rule);
    }

    @Override
    public void fill(Tensor x, float value) {
        OpenClOptimizer.fill(begin(), x, value);
    }
}
