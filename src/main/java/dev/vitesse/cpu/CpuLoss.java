// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Softmax cross-entropy, in double precision: it is a small part of a step, and small losses cancel. */
final class CpuLoss {
    /** Logits of an item: an exponential takes some 10 ns. */
    private static final int GRAIN = 1024;

    private final CpuTensor metrics;
    private final @Nullable CpuTensor dLogits;
    private final CpuTensor logits;
    private final CpuTensor labels;
    private final float smoothing;
    private final int classes;
    private final double[] losses;
    private final boolean[] correct;
    /** Rows that count. */
    private int counted;

    private CpuLoss(
            CpuTensor metrics, @Nullable CpuTensor dLogits, CpuTensor logits, CpuTensor labels, float smoothing) {
        this.metrics = metrics;
        this.dLogits = dLogits;
        this.logits = logits;
        this.labels = labels;
        this.smoothing = smoothing;
        classes = logits.dim(1);
        losses = new double[logits.dim(0)];
        correct = new boolean[logits.dim(0)];
    }

    static Runnable crossEntropy(
            CpuBackend backend, CpuTensor metrics, @Nullable CpuTensor dLogits, CpuTensor logits, CpuTensor labels,
            float smoothing) {
        CpuLoss op = new CpuLoss(metrics, dLogits, logits, labels, smoothing);
        Split rows = Split.ofRows(logits.dim(0), logits.dim(1), GRAIN);
        ThreadTeam.Task task = (item, worker) -> {
            for (int row = rows.first(item); row < rows.end(item); row++) {
                op.row(row);
            }
        };
        return () -> {
            op.counted = op.countRows();
            backend.team().run(rows.count(), task);
            op.sum();
        };
    }

    private int countRows() {
        int rows = 0;
        for (int row = 0; row < losses.length; row++) {
            int label = labels.ints()[labels.offset() + row];
            if (label >= classes) {
                throw new IllegalArgumentException("crossEntropy: label " + label + " of row " + row + " is not below "
                        + classes);
            }
            rows += label >= 0 ? 1 : 0;
        }
        return rows;
    }

    private void row(int row) {
        int label = labels.ints()[labels.offset() + row];
        float[] x = logits.floats();
        int start = logits.offset() + row * classes;
        losses[row] = 0;
        correct[row] = false;
        if (label < 0) {
            if (dLogits != null) {
                int out = dLogits.offset() + row * classes;
                Arrays.fill(dLogits.floats(), out, out + classes, 0f);
            }
            return;
        }
        int largest = start;
        double total = 0;
        for (int i = start; i < start + classes; i++) {
            largest = x[i] > x[largest] ? i : largest;
            total += x[i];
        }
        double max = x[largest];
        double sum = 0;
        for (int i = start; i < start + classes; i++) {
            sum += Math.exp(x[i] - max);
        }
        // -sum_k target_k (x_k - lse), whose target is 1 - s + s/K at the label and s/K elsewhere.
        double lse = max + Math.log(sum);
        losses[row] = (1 - (double) smoothing) * (lse - x[start + label]) + smoothing * (lse - total / classes);
        correct[row] = largest - start == label;
        if (dLogits != null) {
            gradient(dLogits.floats(), dLogits.offset() + row * classes, x, start, label, max, sum);
        }
    }

    /** dx_k = (softmax_k - target_k) / rows that count. */
    private void gradient(float[] dX, int out, float[] x, int start, int label, double max, double sum) {
        double other = (double) smoothing / classes;
        for (int k = 0; k < classes; k++) {
            double target = k == label ? 1 - (double) smoothing + other : other;
            dX[out + k] = (float) ((Math.exp(x[start + k] - max) / sum - target) / counted);
        }
    }

    private void sum() {
        double loss = 0;
        int hits = 0;
        for (int row = 0; row < losses.length; row++) {
            loss += losses[row];
            hits += correct[row] ? 1 : 0;
        }
        float[] out = metrics.floats();
        out[metrics.offset()] = counted == 0 ? 0 : (float) (loss / counted);
        out[metrics.offset() + 1] = hits;
    }
}
