// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Notes each call; the formulas are in the class of its family. */
final class ReferenceKernels implements Kernels {
    private final List<Runnable> operations;

    ReferenceKernels(List<Runnable> operations) {
        this.operations = operations;
    }

    private void record(Runnable operation) {
        operations.add(operation);
    }

    private static ReferenceTensor ref(Tensor tensor) {
        return (ReferenceTensor) tensor;
    }

    private static @Nullable ReferenceTensor refOrNull(@Nullable Tensor tensor) {
        return (ReferenceTensor) tensor;
    }

    @Override
    public void patchEmbedding(
            Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix, Tensor position) {
        record(() -> ReferencePatches.forward(
                ref(tokens), ref(images), ref(weight), ref(bias), refOrNull(prefix), ref(position)));
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
        record(() -> {
            ReferencePatches.backwardWeight(ref(dWeight), ref(dBias), ref(dTokens), ref(images));
            ReferencePatches.backwardTokens(refOrNull(dPrefix), refOrNull(dPosition), ref(dTokens), ref(images),
                    ref(weight));
            if (dImages != null) {
                ReferencePatches.backwardImages(ref(dImages), ref(dTokens), ref(weight));
            }
        });
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        record(() -> ReferenceNorm.forward(
                ref(y).matrix(), ref(mean), ref(rstd), ref(x).matrix(), ref(gamma), ref(beta), epsilon));
    }

    @Override
    public void layerNormBackward(
            Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
        record(() -> ReferenceNorm.backward(
                ref(dX).matrix(), ref(dGamma), ref(dBeta), ref(dY).matrix(), ref(x).matrix(), ref(mean), ref(rstd),
                ref(gamma)));
    }

    @Override
    public void linear(Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        record(() -> ReferenceLinear.forward(
                ref(y).matrix(), ref(x).matrix(), ref(weight), refOrNull(bias), epilogue));
    }

    @Override
    public void linearBackwardInput(Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        record(() -> ReferenceLinear.backwardInput(ref(dX).matrix(), ref(dY).matrix(), ref(weight), epilogue));
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        record(() -> ReferenceLinear.backwardWeight(
                ref(dWeight), refOrNull(dBias), ref(dY).matrix(), ref(x).matrix()));
    }

    @Override
    public void attention(Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        record(() -> ReferenceAttention.forward(ref(context), refOrNull(logSumExp), ref(qkv), heads));
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        record(() -> ReferenceAttention.backward(
                ref(dQkv), ref(dContext), ref(context), ref(qkv), ref(logSumExp), heads));
    }

    @Override
    public void residualAdd(
            Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        record(() -> ReferenceResidual.forward(
                ref(y), ref(branch), refOrNull(residual), refOrNull(scale), dropout, refOrNull(random)));
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
        record(() -> ReferenceResidual.backward(
                ref(dBranch), refOrNull(dScale), ref(dY), refOrNull(branch), refOrNull(scale), dropout,
                refOrNull(random)));
    }

    @Override
    public void pool(Tensor pooled, Tensor x, int first, int count) {
        record(() -> ReferencePool.forward(ref(pooled), ref(x), first, count));
    }

    @Override
    public void poolBackward(Tensor dX, Tensor dPooled, int first, int count) {
        record(() -> ReferencePool.backward(ref(dX), ref(dPooled), first, count));
    }

    @Override
    public void crossEntropy(
            Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        record(() -> ReferenceLoss.crossEntropy(
                ref(metrics), refOrNull(dLogits), ref(logits), ref(labels), smoothing));
    }

    @Override
    public void sumOfSquares(Tensor sum, Tensor x) {
        record(() -> ReferenceOptimizer.sumOfSquares(ref(sum), ref(x)));
    }

    @Override
    public void clipFactor(Tensor clip, Tensor sums, float maxNorm) {
        record(() -> ReferenceOptimizer.clipFactor(ref(clip), ref(sums), maxNorm));
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
        record(() -> ReferenceOptimizer.adam(
                ref(weight), ref(m), ref(v), ref(gradient), ref(schedule), ref(clip), rule));
    }

    @Override
    public void sgd(
            Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Sgd rule) {
        record(() -> ReferenceOptimizer.sgd(
                ref(weight), ref(velocity), ref(gradient), ref(schedule), ref(clip), rule));
    }

    @Override
    public void fill(Tensor x, float value) {
        record(() -> ref(x).fill(value));
    }
}
