// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Turns calls into operations, with all the memory that they need. */
final class CpuRecorder implements Kernels {
    private final CpuBackend backend;
    private final List<CpuProgram.Operation> operations = new ArrayList<>();

    CpuRecorder(CpuBackend backend) {
        this.backend = backend;
    }

    List<CpuProgram.Operation> operations() {
        return operations;
    }

    private void add(String name, Runnable body, @Nullable Tensor... outputs) {
        List<CpuBuffer> buffers = new ArrayList<>();
        for (Tensor output : outputs) {
            if (output != null) {
                buffers.add(own(output).buffer());
            }
        }
        operations.add(new CpuProgram.Operation(name, List.copyOf(buffers), body));
    }

    private CpuTensor own(Tensor tensor) {
        if (tensor instanceof CpuTensor cpu && cpu.buffer().owner() == backend) {
            return cpu;
        }
        throw new IllegalArgumentException(tensor.describe() + " was not made by this backend");
    }

    private @Nullable CpuTensor ownOrNull(@Nullable Tensor tensor) {
        return tensor == null ? null : own(tensor);
    }

    private Epilogue own(Epilogue epilogue) {
        switch (epilogue) {
            case Epilogue.Activate activate -> ownOrNull(activate.preActivation());
            case Epilogue.Add add -> own(add.residual());
            case Epilogue.None none -> {}
        }
        return epilogue;
    }

    @Override
    public void patchEmbedding(
            Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix, Tensor position) {
        add("patchEmbedding", CpuPatches.forward(backend, own(tokens), own(images), own(weight), own(bias),
                ownOrNull(prefix), own(position)), tokens);
    }

    @Override
    public void patchEmbeddingBackward(
            @Nullable Tensor dImages, Tensor dWeight, Tensor dBias, @Nullable Tensor dPrefix,
            @Nullable Tensor dPosition, Tensor dTokens, Tensor images, Tensor weight) {
        add("patchEmbeddingBackward", CpuPatchesBackward.of(backend, ownOrNull(dImages), own(dWeight), own(dBias),
                ownOrNull(dPrefix), ownOrNull(dPosition), own(dTokens), own(images), own(weight)),
                dImages, dWeight, dBias, dPrefix, dPosition);
    }

    @Override
    public void layerNorm(Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        add("layerNorm", CpuNorm.forward(backend, own(y), own(mean), own(rstd), own(x), own(gamma), own(beta), epsilon),
                y, mean, rstd);
    }

    @Override
    public void layerNormBackward(
            Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
        add("layerNormBackward", CpuNorm.backward(backend, own(dX), own(dGamma), own(dBeta), own(dY), own(x),
                own(mean), own(rstd), own(gamma)), dX, dGamma, dBeta);
    }

    @Override
    public void linear(Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        Tensor kept = epilogue instanceof Epilogue.Activate activate ? activate.preActivation() : null;
        add("linear", CpuLinear.forward(backend, own(y), own(x), own(weight), ownOrNull(bias), own(epilogue)), y, kept);
    }

    @Override
    public void linearBackwardInput(Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        add("linearBackwardInput", CpuLinear.backwardInput(backend, own(dX), own(dY), own(weight), own(epilogue)), dX);
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        add("linearBackwardWeight", CpuWeightGradient.of(backend, own(dWeight), ownOrNull(dBias), own(dY), own(x)),
                dWeight, dBias);
    }

    @Override
    public void attention(Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        add("attention", CpuAttention.forward(backend, own(context), ownOrNull(logSumExp), own(qkv), heads),
                context, logSumExp);
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        add("attentionBackward", CpuAttentionBackward.of(backend, own(dQkv), own(dContext), own(context), own(qkv),
                own(logSumExp), heads), dQkv);
    }

    @Override
    public void residualAdd(
            Tensor y, Tensor branch, @Nullable Tensor residual, @Nullable Tensor scale, Dropout dropout,
            @Nullable Tensor random) {
        add("residualAdd", CpuBranch.residualAdd(backend, own(y), own(branch), ownOrNull(residual), ownOrNull(scale),
                dropout, ownOrNull(random)), y);
    }

    @Override
    public void residualAddBackward(
            Tensor dBranch, @Nullable Tensor dScale, Tensor dY, @Nullable Tensor branch, @Nullable Tensor scale,
            Dropout dropout, @Nullable Tensor random) {
        add("residualAddBackward", CpuBranch.residualAddBackward(backend, own(dBranch), ownOrNull(dScale), own(dY),
                ownOrNull(branch), ownOrNull(scale), dropout, ownOrNull(random)), dBranch, dScale);
    }

    @Override
    public void pool(Tensor pooled, Tensor x, int first, int count) {
        add("pool", CpuPooling.pool(backend, own(pooled), own(x), first, count), pooled);
    }

    @Override
    public void poolBackward(Tensor dX, Tensor dPooled, int first, int count) {
        add("poolBackward", CpuPooling.poolBackward(backend, own(dX), own(dPooled), first, count), dX);
    }

    @Override
    public void crossEntropy(Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        add("crossEntropy", CpuLoss.crossEntropy(backend, own(metrics), ownOrNull(dLogits), own(logits), own(labels),
                smoothing), metrics, dLogits);
    }

    @Override
    public void sumOfSquares(Tensor sum, Tensor x) {
        add("sumOfSquares", CpuOptimizer.sumOfSquares(backend, own(sum), own(x)), sum);
    }

    @Override
    public void clipFactor(Tensor clip, Tensor sums, float maxNorm) {
        add("clipFactor", CpuOptimizer.clipFactor(own(clip), own(sums), maxNorm), clip);
    }

    @Override
    public void adam(
            Tensor weight, Tensor m, Tensor v, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Adam rule) {
        add("adam", CpuOptimizer.adam(backend, own(weight), own(m), own(v), own(gradient), own(schedule), own(clip),
                rule), weight, m, v);
    }

    @Override
    public void sgd(
            Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Sgd rule) {
        add("sgd", CpuOptimizer.sgd(backend, own(weight), own(velocity), own(gradient), own(schedule), own(clip), rule),
                weight, velocity);
    }

    @Override
    public void fill(Tensor x, float value) {
        add("fill", CpuPooling.fill(backend, own(x), value), x);
    }
}
