// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** Turns calls into launches; each family of operations has a class of its own. */
final class TaskRecorder implements Kernels {
    private final Recording recording;

    TaskRecorder(Recording recording) {
        this.recording = recording;
    }

    Recording recording() {
        return recording;
    }

    @Override
    public void patchEmbedding(
            Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix, Tensor position) {
        TornadoPatches.forward(recording.begin(), tokens, images, weight, bias, prefix, position);
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
        TornadoPatches.backward(
                recording.begin(), dImages, dWeight, dBias, dPrefix, dPosition, dTokens, images, weight);
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        TornadoNorm.forward(recording.begin(), y, mean, rstd, x, gamma, beta, epsilon);
    }

    @Override
    public void layerNormBackward(
            Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
        TornadoNorm.backward(recording.begin(), dX, dGamma, dBeta, dY, x, mean, rstd, gamma);
    }

    @Override
    public void linear(Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        TornadoLinear.forward(recording.begin(), y, x, weight, bias, epilogue);
    }

    @Override
    public void linearBackwardInput(Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        TornadoLinear.backwardInput(recording.begin(), dX, dY, weight, epilogue);
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        TornadoLinear.backwardWeight(recording.begin(), dWeight, dBias, dY, x);
    }

    @Override
    public void attention(Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        TornadoAttention.forward(recording.begin(), context, logSumExp, qkv, heads);
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        TornadoAttentionBackward.backward(recording.begin(), dQkv, dContext, context, qkv, logSumExp, heads);
    }

    @Override
    public void residualAdd(
            Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        TornadoResidual.forward(recording.begin(), y, branch, residual, scale, dropout, random);
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
        TornadoResidual.backward(recording.begin(), dBranch, dScale, dY, branch, scale, dropout, random);
    }

    @Override
    public void pool(Tensor pooled, Tensor x, int first, int count) {
        TornadoPool.forward(recording.begin(), pooled, x, first, count);
    }

    @Override
    public void poolBackward(Tensor dX, Tensor dPooled, int first, int count) {
        TornadoPool.backward(recording.begin(), dX, dPooled, first, count);
    }

    @Override
    public void crossEntropy(
            Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        TornadoLoss.crossEntropy(recording.begin(), metrics, dLogits, logits, labels, smoothing);
    }

    @Override
    public void sumOfSquares(Tensor sum, Tensor x) {
        TornadoOptimizer.sumOfSquares(recording, sum, x);
    }

    @Override
    public void clipFactor(Tensor clip, Tensor sums, float maxNorm) {
        TornadoOptimizer.clipFactor(recording.begin(), clip, sums, maxNorm);
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
        TornadoOptimizer.adam(recording, weight, m, v, gradient, schedule, clip, rule);
    }

    @Override
    public void sgd(
            Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Sgd rule) {
        TornadoOptimizer.sgd(recording, weight, velocity, gradient, schedule, clip, rule);
    }

    @Override
    public void fill(Tensor x, float value) {
        TornadoOptimizer.fill(recording.begin(), x, value);
    }
}
