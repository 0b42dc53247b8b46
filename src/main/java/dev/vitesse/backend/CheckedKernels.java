// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Checks types and shapes of every call once, while it is recorded, and passes it on. A violation is an {@link
 * IllegalArgumentException} that names the operation, the argument, what it is and what it should be.
 */
public final class CheckedKernels implements Kernels {
    private final Kernels kernels;

    public CheckedKernels(Kernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public void patchEmbedding(
            Tensor tokens, Tensor images, Tensor weight, Tensor bias, @Nullable Tensor prefix, Tensor position) {
        checkPatches("patchEmbedding", tokens, images, weight, prefix, position);
        Check.shape("patchEmbedding", "bias", bias, tokens.dim(2));
        kernels.patchEmbedding(tokens, images, weight, bias, prefix, position);
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
        String op = "patchEmbeddingBackward";
        checkPatches(op, dTokens, images, weight, dPrefix, dPosition);
        Check.sameShape(op, "dImages", dImages, images);
        Check.sameShape(op, "dWeight", dWeight, weight);
        Check.shape(op, "dBias", dBias, dTokens.dim(2));
        kernels.patchEmbeddingBackward(dImages, dWeight, dBias, dPrefix, dPosition, dTokens, images, weight);
    }

    /** Checks what both directions share; a null prefix is taken to be missing in the backward pass only. */
    private static void checkPatches(
            String op,
            Tensor tokens,
            Tensor images,
            Tensor weight,
            @Nullable Tensor prefix,
            @Nullable Tensor position) {
        Check.rank(op, "tokens", tokens, 3);
        Check.rank(op, "images", images, 4);
        Check.rank(op, "weight", weight, 4);
        int side = images.dim(2);
        int patch = weight.dim(2);
        int width = tokens.dim(2);
        Check.shape(op, "images", images, tokens.dim(0), weight.dim(1), side, side);
        Check.shape(op, "weight", weight, width, images.dim(1), patch, patch);
        Check.that(patch > 0 && side % patch == 0, op, "the patch side %d does not divide the image side %d", patch, side);
        int patches = (side / patch) * (side / patch);
        int prefixTokens = tokens.dim(1) - patches;
        Check.that(prefixTokens >= 0, op, "%d tokens are fewer than %d patches", tokens.dim(1), patches);
        if (prefix != null) {
            Check.shape(op, "prefix", prefix, prefixTokens, width);
        } else {
            Check.that(prefixTokens == 0 || op.endsWith("Backward"), op, "prefix is missing for %d tokens", prefixTokens);
        }
        if (position != null) {
            Check.rank(op, "position", position, 2);
            Check.that(
                    position.dim(1) == width && position.dim(0) >= patches && position.dim(0) <= tokens.dim(1),
                    op,
                    "position is %s; expected [%d to %d, %d]",
                    position.describe(),
                    patches,
                    tokens.dim(1),
                    width);
        }
    }

    @Override
    public void layerNorm(
            Tensor y, Tensor mean, Tensor rstd, Tensor x, Tensor gamma, Tensor beta, float epsilon) {
        String op = "layerNorm";
        Check.float32(op, "x", x);
        Check.sameShape(op, "y", y, x);
        checkNorm(op, mean, rstd, x, gamma);
        Check.shape(op, "beta", beta, x.dim(-1));
        Check.that(epsilon >= 0, op, "epsilon is %s; expected at least 0", epsilon);
        kernels.layerNorm(y, mean, rstd, x, gamma, beta, epsilon);
    }

    @Override
    public void layerNormBackward(
            Tensor dX, Tensor dGamma, Tensor dBeta, Tensor dY, Tensor x, Tensor mean, Tensor rstd, Tensor gamma) {
        String op = "layerNormBackward";
        Check.float32(op, "x", x);
        Check.sameShape(op, "dX", dX, x);
        Check.sameShape(op, "dY", dY, x);
        checkNorm(op, mean, rstd, x, gamma);
        Check.shape(op, "dGamma", dGamma, x.dim(-1));
        Check.shape(op, "dBeta", dBeta, x.dim(-1));
        kernels.layerNormBackward(dX, dGamma, dBeta, dY, x, mean, rstd, gamma);
    }

    private static void checkNorm(String op, Tensor mean, Tensor rstd, Tensor x, Tensor gamma) {
        int[] rows = Arrays.copyOf(x.shape(), x.shape().length - 1);
        Check.shape(op, "mean", mean, rows);
        Check.shape(op, "rstd", rstd, rows);
        Check.shape(op, "gamma", gamma, x.dim(-1));
    }

    @Override
    public void linear(Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue) {
        String op = "linear";
        checkLinear(op, y, x, weight);
        if (bias != null) {
            Check.shape(op, "bias", bias, y.dim(-1));
        }
        switch (epilogue) {
            case Epilogue.Activate activate -> Check.sameShape(op, "preActivation", activate.preActivation(), y);
            case Epilogue.Add add -> Check.sameShape(op, "residual", add.residual(), y);
            case Epilogue.None none -> {}
        }
        kernels.linear(y, x, weight, bias, epilogue);
    }

    @Override
    public void linearBackwardInput(Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue) {
        String op = "linearBackwardInput";
        checkLinear(op, dY, dX, weight);
        switch (epilogue) {
            case Epilogue.Activate activate -> {
                Check.that(activate.preActivation() != null, op, "the pre-activation is missing");
                Check.sameShape(op, "preActivation", activate.preActivation(), dX);
            }
            case Epilogue.Add add -> Check.that(false, op, "cannot add a residual");
            case Epilogue.None none -> {}
        }
        kernels.linearBackwardInput(dX, dY, weight, epilogue);
    }

    @Override
    public void linearBackwardWeight(Tensor dWeight, @Nullable Tensor dBias, Tensor dY, Tensor x) {
        String op = "linearBackwardWeight";
        checkLinear(op, dY, x, dWeight);
        if (dBias != null) {
            Check.shape(op, "dBias", dBias, dY.dim(-1));
        }
        kernels.linearBackwardWeight(dWeight, dBias, dY, x);
    }

    private static void checkLinear(String op, Tensor y, Tensor x, Tensor weight) {
        Check.float32(op, "x", x);
        Check.float32(op, "y", y);
        Check.shape(op, "weight", weight, y.dim(-1), x.dim(-1));
        int[] expected = x.shape().clone();
        expected[expected.length - 1] = y.dim(-1);
        Check.shape(op, "y", y, expected);
    }

    @Override
    public void attention(Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        checkAttention("attention", context, logSumExp, qkv, heads);
        kernels.attention(context, logSumExp, qkv, heads);
    }

    @Override
    public void attentionBackward(
            Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads) {
        String op = "attentionBackward";
        checkAttention(op, context, logSumExp, qkv, heads);
        Check.sameShape(op, "dQkv", dQkv, qkv);
        Check.sameShape(op, "dContext", dContext, context);
        kernels.attentionBackward(dQkv, dContext, context, qkv, logSumExp, heads);
    }

    private static void checkAttention(
            String op, Tensor context, @Nullable Tensor logSumExp, Tensor qkv, int heads) {
        Check.rank(op, "context", context, 3);
        int batch = context.dim(0);
        int tokens = context.dim(1);
        int width = context.dim(2);
        Check.shape(op, "qkv", qkv, batch, tokens, Math.multiplyExact(3, width));
        Check.that(heads > 0 && width % heads == 0, op, "%d heads do not divide the width %d", heads, width);
        if (logSumExp != null) {
            Check.shape(op, "logSumExp", logSumExp, batch, heads, tokens);
        }
    }

    @Override
    public void residualAdd(
            Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random) {
        String op = "residualAdd";
        Check.float32(op, "y", y);
        Check.sameShape(op, "branch", branch, y);
        Check.sameShape(op, "residual", residual, y);
        checkBranch(op, y, scale, dropout, random);
        kernels.residualAdd(y, branch, residual, scale, dropout, random);
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
        String op = "residualAddBackward";
        Check.float32(op, "dY", dY);
        Check.sameShape(op, "dBranch", dBranch, dY);
        Check.sameShape(op, "branch", branch, dY);
        checkBranch(op, dY, scale, dropout, random);
        Check.that(
                (scale == null) == (dScale == null) && (scale == null || branch != null),
                op,
                "scale, dScale and branch must be given together");
        if (dScale != null) {
            Check.shape(op, "dScale", dScale, dY.dim(-1));
        }
        kernels.residualAddBackward(dBranch, dScale, dY, branch, scale, dropout, random);
    }

    private static void checkBranch(
            String op, Tensor y, @Nullable Tensor scale, Dropout dropout, @Nullable Tensor random) {
        if (scale != null) {
            Check.shape(op, "scale", scale, y.dim(-1));
        }
        Check.that(dropout.dropsNothing() || random != null, op, "random is missing for %s", dropout);
        Check.that(y.elements() <= Integer.MAX_VALUE, op, "%s has too many elements to number", y.describe());
        if (random != null) {
            Check.typeAndShape(op, "random", random, ElementType.INT32, 2);
        }
    }

    @Override
    public void pool(Tensor pooled, Tensor x, int first, int count) {
        checkPool("pool", pooled, x, first, count);
        kernels.pool(pooled, x, first, count);
    }

    @Override
    public void poolBackward(Tensor dX, Tensor dPooled, int first, int count) {
        checkPool("poolBackward", dPooled, dX, first, count);
        kernels.poolBackward(dX, dPooled, first, count);
    }

    private static void checkPool(String op, Tensor pooled, Tensor x, int first, int count) {
        Check.rank(op, "x", x, 3);
        Check.shape(op, "pooled", pooled, x.dim(0), x.dim(2));
        Check.that(
                first >= 0 && count > 0 && first + count <= x.dim(1),
                op,
                "tokens %d to %d are not among the %d of x",
                first,
                first + count - 1,
                x.dim(1));
    }

    @Override
    public void crossEntropy(
            Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        String op = "crossEntropy";
        Check.shape(op, "metrics", metrics, 2);
        Check.rank(op, "logits", logits, 2);
        Check.sameShape(op, "dLogits", dLogits, logits);
        Check.typeAndShape(op, "labels", labels, ElementType.INT32, logits.dim(0));
        Check.that(smoothing >= 0 && smoothing < 1, op, "smoothing is %s; expected 0 <= s < 1", smoothing);
        kernels.crossEntropy(metrics, dLogits, logits, labels, smoothing);
    }

    @Override
    public void sumOfSquares(Tensor sum, Tensor x) {
        Check.shape("sumOfSquares", "sum", sum, 1);
        Check.float32("sumOfSquares", "x", x);
        kernels.sumOfSquares(sum, x);
    }

    @Override
    public void clipFactor(Tensor clip, Tensor sums, float maxNorm) {
        String op = "clipFactor";
        Check.shape(op, "clip", clip, 2);
        Check.rank(op, "sums", sums, 1);
        Check.that(maxNorm >= 0, op, "maxNorm is %s; expected at least 0", maxNorm);
        kernels.clipFactor(clip, sums, maxNorm);
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
        String op = "adam";
        Check.float32(op, "weight", weight);
        Check.sameShape(op, "m", m, weight);
        Check.sameShape(op, "v", v, weight);
        checkUpdate(op, weight, gradient, schedule, clip);
        kernels.adam(weight, m, v, gradient, schedule, clip, rule);
    }

    @Override
    public void sgd(
            Tensor weight, Tensor velocity, Tensor gradient, Tensor schedule, Tensor clip, OptimizerRule.Sgd rule) {
        String op = "sgd";
        Check.float32(op, "weight", weight);
        Check.sameShape(op, "velocity", velocity, weight);
        checkUpdate(op, weight, gradient, schedule, clip);
        kernels.sgd(weight, velocity, gradient, schedule, clip, rule);
    }

    private static void checkUpdate(String op, Tensor weight, Tensor gradient, Tensor schedule, Tensor clip) {
        Check.sameShape(op, "gradient", gradient, weight);
        Check.shape(op, "schedule", schedule, 3);
        Check.shape(op, "clip", clip, 2);
    }

    @Override
    public void fill(Tensor x, float value) {
        Check.float32("fill", "x", x);
        kernels.fill(x, value);
    }

    /** The checks and their messages. */
    private static final class Check {
        static void that(boolean condition, String op, String message, Object... args) {
            if (!condition) {
                throw new IllegalArgumentException(op + ": " + String.format(message, args));
            }
        }

        static void rank(String op, String argument, Tensor tensor, int rank) {
            that(tensor.shape().length == rank, op, "%s is %s; expected %d axes", argument, tensor.describe(), rank);
            that(tensor.type() == ElementType.FLOAT32, op, "%s is %s; expected FLOAT32", argument, tensor.describe());
        }

        /** For arguments that may have any shape and give the others theirs. */
        static void float32(String op, String argument, Tensor tensor) {
            that(
                    tensor.type() == ElementType.FLOAT32 && tensor.shape().length > 0,
                    op,
                    "%s is %s; expected FLOAT32 and at least one axis",
                    argument,
                    tensor.describe());
        }

        static void shape(String op, String argument, Tensor tensor, int... expected) {
            typeAndShape(op, argument, tensor, ElementType.FLOAT32, expected);
        }

        static void sameShape(String op, String argument, @Nullable Tensor tensor, Tensor expected) {
            if (tensor != null) {
                typeAndShape(op, argument, tensor, ElementType.FLOAT32, expected.shape());
            }
        }

        static void typeAndShape(String op, String argument, Tensor tensor, ElementType type, int... expected) {
            that(
                    tensor.type() == type && Arrays.equals(tensor.shape(), expected),
                    op,
                    "%s is %s; expected %s%s",
                    argument,
                    tensor.describe(),
                    type,
                    Arrays.toString(expected));
        }
    }
}
