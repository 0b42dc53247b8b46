// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Attention: context [B, T, H A], logSumExp [B, H, T], qkv [B, T, 3 H A] whose last axis is q, k, v, each [H, A]. */
final class ReferenceAttention {
    private static final int Q = 0;
    private static final int K = 1;
    private static final int V = 2;

    private ReferenceAttention() {}

    /** context = softmax(q k^T / sqrt(A)) v. */
    static void forward(
            ReferenceTensor context, @Nullable ReferenceTensor logSumExp, ReferenceTensor qkv, int heads) {
        int tokens = qkv.dim(1);
        int headWidth = context.dim(2) / heads;
        for (int b = 0; b < qkv.dim(0); b++) {
            for (int h = 0; h < heads; h++) {
                for (int t = 0; t < tokens; t++) {
                    double[] scores = new double[tokens];
                    for (int u = 0; u < tokens; u++) {
                        scores[u] = score(qkv, b, h, t, u, headWidth);
                    }
                    double lse = logSumExp(scores);
                    double[] p = Arrays.stream(scores).map(score -> Math.exp(score - lse)).toArray();
                    for (int a = 0; a < headWidth; a++) {
                        double sum = 0;
                        for (int u = 0; u < tokens; u++) {
                            sum += p[u] * qkv.get(b, u, column(qkv, V, h, a, headWidth));
                        }
                        context.set(sum, b, t, h * headWidth + a);
                    }
                    if (logSumExp != null) {
                        logSumExp.set(lse, b, h, t);
                    }
                }
            }
        }
    }

    /** Where element a of head h of q, k or v stands in qkv's last axis. */
    private static int column(ReferenceTensor qkv, int part, int h, int a, int headWidth) {
        return part * (qkv.dim(2) / 3) + h * headWidth + a;
    }

    /** q[t] k[u] / sqrt(A). */
    private static double score(ReferenceTensor qkv, int b, int h, int t, int u, int headWidth) {
        double sum = 0;
        for (int a = 0; a < headWidth; a++) {
            sum += qkv.get(b, t, column(qkv, Q, h, a, headWidth)) * qkv.get(b, u, column(qkv, K, h, a, headWidth));
        }
        return sum / Math.sqrt(headWidth);
    }

    /** log sum exp, the largest score taken out first. */
    static double logSumExp(double... scores) {
        double max = Double.NEGATIVE_INFINITY;
        for (double score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (double score : scores) {
            sum += Math.exp(score - max);
        }
        return max + Math.log(sum);
    }

    /**
     * dS = P (dP - rowsum(dContext context)), P = exp(S - logSumExp), dP = dContext v^T; dQ = dS k / sqrt(A), dK = dS^T
     * q / sqrt(A), dV = P^T dContext.
     */
    static void backward(
            ReferenceTensor dQkv,
            ReferenceTensor dContext,
            ReferenceTensor context,
            ReferenceTensor qkv,
            ReferenceTensor logSumExp,
            int heads) {
        int headWidth = context.dim(2) / heads;
        dQkv.fill(0);
        for (int b = 0; b < qkv.dim(0); b++) {
            for (int h = 0; h < heads; h++) {
                for (int t = 0; t < qkv.dim(1); t++) {
                    double rowSum = 0;
                    for (int a = 0; a < headWidth; a++) {
                        int c = h * headWidth + a;
                        rowSum += dContext.get(b, t, c) * context.get(b, t, c);
                    }
                    for (int u = 0; u < qkv.dim(1); u++) {
                        double p = Math.exp(score(qkv, b, h, t, u, headWidth) - logSumExp.get(b, h, t));
                        backwardPair(dQkv, dContext, qkv, p, rowSum, b, h, t, u, headWidth);
                    }
                }
            }
        }
    }

    /** What query t and key u, whose probability is p, add to the gradients. */
    private static void backwardPair(
            ReferenceTensor dQkv,
            ReferenceTensor dContext,
            ReferenceTensor qkv,
            double p,
            double rowSum,
            int b,
            int h,
            int t,
            int u,
            int headWidth) {
        double dP = 0;
        for (int a = 0; a < headWidth; a++) {
            dP += dContext.get(b, t, h * headWidth + a) * qkv.get(b, u, column(qkv, V, h, a, headWidth));
        }
        double dScore = p * (dP - rowSum) / Math.sqrt(headWidth);
        for (int a = 0; a < headWidth; a++) {
            int q = column(qkv, Q, h, a, headWidth);
            int k = column(qkv, K, h, a, headWidth);
            int v = column(qkv, V, h, a, headWidth);
            dQkv.add(dScore * qkv.get(b, u, k), b, t, q);
            dQkv.add(dScore * qkv.get(b, t, q), b, u, k);
            dQkv.add(p * dContext.get(b, t, h * headWidth + a), b, u, v);
        }
    }
}
