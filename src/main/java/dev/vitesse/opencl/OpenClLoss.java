// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import org.jspecify.annotations.Nullable;

/** Cross-entropy over logits [B, K]; kernels in {@code loss.cl}. */
final class OpenClLoss {
    private static final String FILE = "loss";

    private OpenClLoss() {}

    static void crossEntropy(
            Recording r, Tensor metrics, @Nullable Tensor dLogits, Tensor logits, Tensor labels, float smoothing) {
        int batch = logits.dim(0);
        int lanes = r.tuning().get("rows.LANES");
        int perGroup = r.tuning().get("rows.ROWS");
        Operand.Scratch count = r.scratch(1);
        Operand.Scratch rows = r.scratch(2L * batch);
        kernel(r, "count_labels").with(count).tensors(labels).with(batch).over(lanes, lanes);
        kernel(r, "cross_entropy")
                .with(rows).tensors(dLogits, logits, labels).with(count)
                .with(dLogits != null).with(batch).with(logits.dim(1)).with(smoothing)
                .groups(new long[] {1, (batch + perGroup - 1) / perGroup}, lanes, perGroup);
        kernel(r, "loss_metrics").tensors(metrics).with(rows, count).with(batch).over(lanes, lanes);
    }

    private static Launch.Builder kernel(Recording r, String name) {
        return r.kernel(FILE, name, 1).define(r.tuning().family("rows"));
    }
}
