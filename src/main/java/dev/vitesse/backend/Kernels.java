// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import org.jspecify.annotations.Nullable;

/**
 * The operations of a Vision Transformer, forward and backward. The model is written once against this interface; a
 * backend decides what calling it means: the CPU queues work for its threads, OpenCL enqueues kernels, TornadoVM adds
 * tasks to task graphs.
 *
 * <p>The contract:
 *
 * <ol>
 *   <li>A call schedules work on whole tensors; nothing is readable before {@link Tensor#read}.
 *   <li>No branching on data.
 *   <li>Buffers are fixed once created; a program always works on the tensors that it was recorded with.
 *   <li>Values that change from step to step (learning rate, step number, labels) live in tensors. Plain arguments are
 *       constants of the program.
 *   <li>Weight gradients are overwritten. The gradient of the residual stream is the one accumulator
 *       ({@link Output#accumulates}).
 *   <li>An output never overlaps an input, except where a method says so, and then only element for element.
 *   <li>Same device, same inputs: the same bits. Reductions run in a fixed order, there are no float atomics.
 * </ol>
 *
 * <p>Letters: B batch, C channels, S image side, P patch side, N patches per image, R prefix tokens (class token and
 * others), T = R + N tokens, D width, H heads, A head width, M hidden width of the MLP, K classes. All tensors are
 * float32 unless said otherwise. {@code [..., D]} stands for any leading axes; two tensors with {@code ...} have the same
 * ones. Arguments come in the order outputs, inputs, parameters, scalars; a gradient of x is called dX.
 *
 * <p>Formulas: Dosovitskiy et al. 2021, arXiv:2010.11929. {@link CheckedKernels} checks every shape once, so that a
 * backend may trust its arguments.
 */
public interface Kernels {

    /**
     * Patch projection (a convolution whose kernel and stride are the patch), class and other prefix tokens, position
     * embedding.
     *
     * <pre>
     * tokens[b, r, :]     = prefix[r] (+ position[r] if r &lt; Q - N)                      for r &lt; R
     * tokens[b, R + n, :] = weight * patch(b, n) + bias + position[Q - N + n]            for n &lt; N
     * </pre>
     *
     * Patches are numbered row by row; the position embedding's last N rows belong to the patches and what comes before
     * to the first prefix tokens.
     *
     * @param tokens [B, T, D]
     * @param images [B, C, S, S]
     * @param weight [D, C, P, P]
     * @param bias [D]
     * @param prefix [R, D], or null if R = 0
     * @param position [Q, D] with N &lt;= Q &lt;= T
     */
    void patchEmbedding(
            @Output Tensor tokens,
            Tensor images,
            Tensor weight,
            Tensor bias,
            @Nullable Tensor prefix,
            Tensor position);

    /**
     * The derivatives of {@link #patchEmbedding}; null for those not wanted.
     *
     * @param dImages [B, C, S, S] or null
     * @param dWeight [D, C, P, P]
     * @param dBias [D]
     * @param dPrefix [R, D] or null
     * @param dPosition [Q, D] or null
     * @param dTokens [B, T, D]
     * @param images [B, C, S, S]
     * @param weight [D, C, P, P]
     */
    void patchEmbeddingBackward(
            @Output @Nullable Tensor dImages,
            @Output Tensor dWeight,
            @Output Tensor dBias,
            @Output @Nullable Tensor dPrefix,
            @Output @Nullable Tensor dPosition,
            Tensor dTokens,
            Tensor images,
            Tensor weight);

    /**
     * Layer normalisation (Ba et al. 2016, arXiv:1607.06450) over the last axis, the variance in two passes:
     * y = gamma (x - mean) rstd + beta with rstd = 1/sqrt(variance + epsilon).
     *
     * @param y [..., D]
     * @param mean [...], kept for the backward pass
     * @param rstd [...], likewise
     * @param x [..., D]
     * @param gamma [D]
     * @param beta [D]
     */
    void layerNorm(
            @Output Tensor y,
            @Output Tensor mean,
            @Output Tensor rstd,
            Tensor x,
            Tensor gamma,
            Tensor beta,
            float epsilon);

    /**
     * The derivatives of {@link #layerNorm}. With xh = (x - mean) rstd and g = gamma dY, dX += rstd (g - mean(g) - xh
     * mean(g xh)); dGamma = sum dY xh and dBeta = sum dY over all rows.
     *
     * @param dX [..., D], accumulated
     * @param dGamma [D]
     * @param dBeta [D]
     * @param dY [..., D]
     * @param x [..., D]
     * @param mean [...]
     * @param rstd [...]
     * @param gamma [D]
     */
    void layerNormBackward(
            @Output(accumulates = true) Tensor dX,
            @Output Tensor dGamma,
            @Output Tensor dBeta,
            Tensor dY,
            Tensor x,
            Tensor mean,
            Tensor rstd,
            Tensor gamma);

    /**
     * A fully connected layer, also the fused product that gives queries, keys and values: y = epilogue(x weight^T +
     * bias).
     *
     * @param y [..., O]
     * @param x [..., I]
     * @param weight [O, I]
     * @param bias [O] or null
     * @param epilogue what is done to each element before it is stored
     */
    void linear(@Output Tensor y, Tensor x, Tensor weight, @Nullable Tensor bias, Epilogue epilogue);

    /**
     * dX = dY weight, with {@link Epilogue.Activate} multiplied by the activation's derivative at the pre-activation
     * (that is, the gradient of what the previous layer computed before its activation).
     *
     * @param dX [..., I]
     * @param dY [..., O]
     * @param weight [O, I]
     * @param epilogue {@link Epilogue#NONE} or {@link Epilogue.Activate} with a pre-activation of dX's shape
     */
    void linearBackwardInput(@Output Tensor dX, Tensor dY, Tensor weight, Epilogue epilogue);

    /**
     * dWeight = dY^T x and dBias = the sum of dY over all rows.
     *
     * @param dWeight [O, I]
     * @param dBias [O] or null
     * @param dY [..., O]
     * @param x [..., I]
     */
    void linearBackwardWeight(@Output Tensor dWeight, @Output @Nullable Tensor dBias, Tensor dY, Tensor x);

    /**
     * Softmax-scaled multi-head attention (Vaswani et al. 2017, arXiv:1706.03762) that never stores T x T: per head,
     * context = softmax(q k^T / sqrt(A)) v. The last axis of qkv holds q, then k, then v, each with its H heads of A
     * elements side by side.
     *
     * @param context [B, T, H A]
     * @param logSumExp [B, H, T], log sum exp of each row of q k^T / sqrt(A), for the backward pass; or null
     * @param qkv [B, T, 3 H A]
     * @param heads H
     */
    void attention(@Output Tensor context, @Output @Nullable Tensor logSumExp, Tensor qkv, int heads);

    /**
     * The derivative of {@link #attention}, with the probabilities computed again from logSumExp (Dao et al. 2022,
     * arXiv:2205.14135): dS = P (dP - rowsum(dContext context)).
     *
     * @param dQkv [B, T, 3 H A]
     * @param dContext [B, T, H A]
     * @param context [B, T, H A]
     * @param qkv [B, T, 3 H A]
     * @param logSumExp [B, H, T]
     * @param heads H
     */
    void attentionBackward(
            @Output Tensor dQkv, Tensor dContext, Tensor context, Tensor qkv, Tensor logSumExp, int heads);

    /**
     * y = residual + drop(scale branch): the end of a residual branch where {@link Epilogue.Add} does not do, because
     * something is dropped or each channel is scaled (LayerScale, Touvron et al. 2021, arXiv:2103.17239).
     *
     * @param y [B, ..., D]; may be residual or branch itself
     * @param branch [B, ..., D]
     * @param residual [B, ..., D], or null for zero
     * @param scale [D], or null for one
     * @param dropout what is dropped; elements are numbered in the order of y's memory, batch entries by y's first axis
     * @param random INT32 [2], seed and step, see {@link Dropout}; null if nothing is dropped
     */
    void residualAdd(
            @Output Tensor y,
            Tensor branch,
            @Nullable Tensor residual,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random);

    /**
     * The derivatives of {@link #residualAdd} with respect to branch and scale (that of the residual is dY itself):
     * dBranch = scale drop(dY), dScale = sum of drop(dY) branch over all rows.
     *
     * @param dBranch [B, ..., D]; may be dY itself
     * @param dScale [D], or null if there is no scale
     * @param dY [B, ..., D]
     * @param branch [B, ..., D]; read only if there is a scale, else null
     * @param scale [D] or null
     * @param dropout as in the forward pass
     * @param random as in the forward pass
     */
    void residualAddBackward(
            @Output Tensor dBranch,
            @Output @Nullable Tensor dScale,
            Tensor dY,
            @Nullable Tensor branch,
            @Nullable Tensor scale,
            Dropout dropout,
            @Nullable Tensor random);

    /**
     * pooled[b] = the mean of the tokens first to first + count - 1 of x[b]: the class token with count 1, the mean of
     * the patches with first R and count N.
     *
     * @param pooled [B, D]
     * @param x [B, T, D]
     */
    void pool(@Output Tensor pooled, Tensor x, int first, int count);

    /**
     * The derivative of {@link #pool}: dX is dPooled / count at the pooled tokens and zero at all others.
     *
     * @param dX [B, T, D]
     * @param dPooled [B, D]
     */
    void poolBackward(@Output Tensor dX, Tensor dPooled, int first, int count);

    /**
     * Softmax cross-entropy with label smoothing s: the target distribution is 1 - s + s/K at the label and s/K
     * elsewhere. A negative label marks a row that does not count, so that a smaller last batch needs no program of its
     * own; its gradient is zero.
     *
     * @param metrics [2]: the mean loss over the rows that count, and the number of them whose largest logit (the first
     *     one, if several are equal) is the label's; both 0 if no row counts
     * @param dLogits [B, K], the derivative of the mean loss; or null
     * @param logits [B, K]
     * @param labels INT32 [B], each below K
     * @param smoothing s, at least 0 and below 1
     */
    void crossEntropy(
            @Output Tensor metrics, @Output @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing);

    /**
     * sum[0] = the sum of the squares of all elements of x.
     *
     * @param sum [1]
     * @param x any shape
     */
    void sumOfSquares(@Output Tensor sum, Tensor x);

    /**
     * The global norm and the factor that clips it (Pascanu et al. 2013, arXiv:1211.5063).
     *
     * @param clip [2]: norm = sqrt(sum of sums), and min(1, maxNorm / (norm + 1e-6)), which is 1 if maxNorm is 0; NaN,
     *     whatever maxNorm is, if the norm is not finite
     * @param sums [G], from {@link #sumOfSquares}
     * @param maxNorm the bound, or 0 for none
     */
    void clipFactor(@Output Tensor clip, Tensor sums, float maxNorm);

    /**
     * One step of Adam or AdamW. With g = clip[1] gradient (+ decay weight if not decoupled): m = b1 m + (1 - b1) g; v =
     * b2 v + (1 - b2) g^2; weight = weight (1 - rate decay if decoupled) - rate (m / c1) / (sqrt(v / c2) + epsilon), c1 =
     * 1 - b1^t and c2 = 1 - b2^t.
     *
     * @param weight any shape, updated in place
     * @param m of weight's shape, updated in place
     * @param v of weight's shape, updated in place
     * @param gradient of weight's shape
     * @param schedule [3]: learning rate, c1, c2
     * @param clip [2], see {@link #clipFactor}
     */
    void adam(
            @Output(accumulates = true) Tensor weight,
            @Output(accumulates = true) Tensor m,
            @Output(accumulates = true) Tensor v,
            Tensor gradient,
            Tensor schedule,
            Tensor clip,
            OptimizerRule.Adam rule);

    /**
     * One step of stochastic gradient descent. With g = clip[1] gradient + decay weight: velocity = momentum velocity +
     * g; weight -= rate velocity, or rate (g + momentum velocity) with Nesterov's look-ahead.
     *
     * @param weight any shape, updated in place
     * @param velocity of weight's shape, updated in place
     * @param gradient of weight's shape
     * @param schedule [3], of which the first is the learning rate
     * @param clip [2], see {@link #clipFactor}
     */
    void sgd(
            @Output(accumulates = true) Tensor weight,
            @Output(accumulates = true) Tensor velocity,
            Tensor gradient,
            Tensor schedule,
            Tensor clip,
            OptimizerRule.Sgd rule);

    /** Sets every element of x to value. */
    void fill(@Output Tensor x, float value);
}
