// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Program;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every backward operation against the forward one. */
class ReferenceGradientTest {
    private final Jacobians j = new Jacobians();

    @ParameterizedTest
    @ValueSource(ints = {4, 5, 6})
    void patchEmbedding(int positions) {
        ReferenceTensor tokens = j.tensor("tokens", 2, 6, 3);
        ReferenceTensor images = j.random("images", 2, 2, 4, 4);
        ReferenceTensor weight = j.random("weight", 3, 2, 2, 2);
        ReferenceTensor bias = j.random("bias", 3);
        ReferenceTensor prefix = j.random("prefix", 2, 3);
        ReferenceTensor position = j.random("position", positions, 3);
        ReferenceTensor dTokens = j.tensor("dTokens", 2, 6, 3);
        ReferenceTensor dImages = j.gradient(images);
        ReferenceTensor dWeight = j.gradient(weight);
        ReferenceTensor dBias = j.gradient(bias);
        ReferenceTensor dPrefix = j.gradient(prefix);
        ReferenceTensor dPosition = j.gradient(position);
        j.check(tokens, dTokens,
                k -> k.patchEmbedding(tokens, images, weight, bias, prefix, position),
                k -> k.patchEmbeddingBackward(dImages, dWeight, dBias, dPrefix, dPosition, dTokens, images, weight));
    }

    @Test
    void layerNorm() {
        ReferenceTensor y = j.tensor("y", 2, 2, 5);
        ReferenceTensor mean = j.tensor("mean", 2, 2);
        ReferenceTensor rstd = j.tensor("rstd", 2, 2);
        ReferenceTensor x = j.random("x", 2, 2, 5);
        ReferenceTensor gamma = j.random("gamma", 5);
        ReferenceTensor beta = j.random("beta", 5);
        ReferenceTensor dY = j.tensor("dY", 2, 2, 5);
        ReferenceTensor dX = j.gradient(x);
        ReferenceTensor dGamma = j.gradient(gamma);
        ReferenceTensor dBeta = j.gradient(beta);
        j.check(y, dY, k -> k.layerNorm(y, mean, rstd, x, gamma, beta, 1e-3f), k -> {
            k.fill(dX, 0);
            k.layerNormBackward(dX, dGamma, dBeta, dY, x, mean, rstd, gamma);
        });
    }

    @Test
    void linear() {
        ReferenceTensor y = j.tensor("y", 2, 3, 4);
        ReferenceTensor x = j.random("x", 2, 3, 5);
        ReferenceTensor weight = j.random("weight", 4, 5);
        ReferenceTensor bias = j.random("bias", 4);
        ReferenceTensor dY = j.tensor("dY", 2, 3, 4);
        ReferenceTensor dX = j.gradient(x);
        ReferenceTensor dWeight = j.gradient(weight);
        ReferenceTensor dBias = j.gradient(bias);
        j.check(y, dY, k -> k.linear(y, x, weight, bias, Epilogue.NONE), k -> {
            k.linearBackwardInput(dX, dY, weight, Epilogue.NONE);
            k.linearBackwardWeight(dWeight, dBias, dY, x);
        });
    }

    /** y = function(x) weight^T: the derivative by x is that by the previous layer's pre-activation. */
    @ParameterizedTest
    @EnumSource
    void activation(Activation function) {
        ReferenceTensor y = j.tensor("y", 3, 2);
        ReferenceTensor x = j.random("x", 3, 4);
        ReferenceTensor identity = j.tensor("identity", 4, 4);
        identity.writeDoubles(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
        ReferenceTensor hidden = j.tensor("hidden", 3, 4);
        ReferenceTensor preActivation = j.tensor("preActivation", 3, 4);
        ReferenceTensor weight = j.random("weight", 2, 4);
        ReferenceTensor dY = j.tensor("dY", 3, 2);
        ReferenceTensor dX = j.gradient(x);
        Epilogue epilogue = new Epilogue.Activate(function, preActivation);
        j.check(y, dY, k -> {
            k.linear(hidden, x, identity, null, epilogue);
            k.linear(y, hidden, weight, null, Epilogue.NONE);
        }, k -> k.linearBackwardInput(dX, dY, weight, epilogue));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3})
    void attention(int heads) {
        ReferenceTensor context = j.tensor("context", 2, 3, 6);
        ReferenceTensor logSumExp = j.tensor("logSumExp", 2, heads, 3);
        ReferenceTensor qkv = j.random("qkv", 2, 3, 18);
        ReferenceTensor dContext = j.tensor("dContext", 2, 3, 6);
        ReferenceTensor dQkv = j.gradient(qkv);
        j.check(context, dContext, k -> k.attention(context, logSumExp, qkv, heads),
                k -> k.attentionBackward(dQkv, dContext, context, qkv, logSumExp, heads));
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 0.5f})
    void residualAdd(float rate) {
        Dropout dropout = new Dropout(rate, rate / 2, 1);
        ReferenceTensor y = j.tensor("y", 4, 2, 3);
        ReferenceTensor branch = j.random("branch", 4, 2, 3);
        ReferenceTensor scale = j.random("scale", 3);
        ReferenceTensor random = j.ints("random", 7, 1);
        ReferenceTensor residual = j.random("residual", 4, 2, 3);
        ReferenceTensor dY = j.tensor("dY", 4, 2, 3);
        ReferenceTensor dBranch = j.gradient(branch);
        ReferenceTensor dScale = j.gradient(scale);
        j.check(y, dY, k -> k.residualAdd(y, branch, residual, scale, dropout, random),
                k -> k.residualAddBackward(dBranch, dScale, dY, branch, scale, dropout, random));
    }

    @Test
    void pool() {
        ReferenceTensor pooled = j.tensor("pooled", 2, 3);
        ReferenceTensor x = j.random("x", 2, 5, 3);
        ReferenceTensor dPooled = j.tensor("dPooled", 2, 3);
        ReferenceTensor dX = j.gradient(x);
        j.check(pooled, dPooled, k -> k.pool(pooled, x, 1, 3), k -> k.poolBackward(dX, dPooled, 1, 3));
    }

    /** The loss gives its own gradient. */
    @ParameterizedTest
    @ValueSource(floats = {0, 0.2f})
    void crossEntropy(float smoothing) {
        ReferenceTensor metrics = j.tensor("metrics", 2);
        ReferenceTensor logits = j.random("logits", 4, 3);
        ReferenceTensor dLogits = j.tensor("dLogits", 4, 3);
        ReferenceTensor labels = j.ints("labels", 2, -1, 0, 0);
        Program program = j.record(k -> k.crossEntropy(metrics, dLogits, logits, labels, smoothing));
        double[] expected = j.differences(program, metrics, logits)[0];
        program.run();
        Jacobians.assertClose("derivative of the loss", expected, dLogits.toDoubles());
    }
}
