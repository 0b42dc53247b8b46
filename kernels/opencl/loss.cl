// SPDX-License-Identifier: Apache-2.0
// Softmax cross-entropy with label smoothing over logits [B, K], and its derivative. Small: bound by latency.
//
// Macros: LANES work-items for each row, ROWS rows for each group. VW is 1: rows of logits are short.
#include "common.cl"

// counts[0] = the number of labels that are not negative. One group of LANES work-items.
__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void count_labels(
    OUT(float, counts), IN(int, labels), const int batch)
{
    __local float shared[LANES];
    const int lane = get_local_id(0);
    OPEN(counts);
    OPEN(labels);
    float count = 0.0f;
    for (int b = lane; b < batch; b += LANES) {
        count += labels[b] >= 0 ? 1.0f : 0.0f;
    }
    count = sum_of_row(count, shared, lane);
    if (lane == 0) {
        counts[0] = count;
    }
}

// With the target distribution q = s / K everywhere and 1 - s more at the label,
//   loss[b] = log sum exp(x) - sum q x
//   dlogits[b, k] = (softmax(x)[k] - q[k]) / count, zero for a negative label
//   hit[b] = whether the first of the largest logits is the label's
// rows [2, B]: loss and hit. has_gradient: whether dlogits is wanted. Local size LANES x ROWS.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) void cross_entropy(
    OUT(float, rows), OUT(float, dlogits), IN(float, logits), IN(int, labels), IN(float, counts),
    const int has_gradient, const int batch, const int classes, const float smoothing)
{
    __local float shared[ROWS][LANES];
    const int lane = get_local_id(0);
    __local float *row_shared = shared[get_local_id(1)];
    const int b = min((int)get_global_id(1), batch - 1);
    OPEN(rows);
    OPEN(logits);
    OPEN(labels);
    OPEN(counts);
    logits += (ulong)b * classes;
    const int label = labels[b];
    const bool counted = label >= 0;
    // A label that is no class, against the contract, must not be read past the row's end; the loss shows it.
    const float at_label = !counted ? 0.0f : label < classes ? logits[label] : NAN;

    float largest = -INFINITY;
    float before = -INFINITY; // the largest logit before the label's
    float sum = 0.0f;
    for (int k = lane; k < classes; k += LANES) {
        largest = fmax(largest, logits[k]);
        before = k < label ? fmax(before, logits[k]) : before;
    }
    largest = max_of_row(largest, row_shared, lane);
    before = max_of_row(before, row_shared, lane);
    float exponentials = 0.0f;
    for (int k = lane; k < classes; k += LANES) {
        exponentials += exp(logits[k] - largest);
        sum += logits[k] - largest;
    }
    exponentials = sum_of_row(exponentials, row_shared, lane);
    sum = sum_of_row(sum, row_shared, lane);
    if ((int)get_global_id(1) >= batch) {
        return;
    }
    const float per_class = smoothing / classes;
    OPEN(dlogits);
    dlogits += (ulong)b * classes;
    const float inverse_count = counted ? 1.0f / counts[0] : 0.0f;
    for (int k = lane; has_gradient && k < classes; k += LANES) {
        const float target = per_class + (k == label ? 1.0f - smoothing : 0.0f);
        dlogits[k] = counted ? (exp(logits[k] - largest) / exponentials - target) * inverse_count : 0.0f;
    }
    if (lane == 0) {
        const float loss = log(exponentials) - (1.0f - smoothing) * (at_label - largest) - per_class * sum;
        rows[b] = counted ? loss : 0.0f;
        rows[batch + b] = counted && at_label >= largest && at_label > before ? 1.0f : 0.0f;
    }
}

// metrics = [sum of losses / count, sum of hits]; zero if nothing counts. One group of LANES work-items.
__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void loss_metrics(
    OUT(float, metrics), IN(float, rows), IN(float, counts), const int batch)
{
    __local float shared[LANES];
    const int lane = get_local_id(0);
    OPEN(metrics);
    OPEN(rows);
    OPEN(counts);
    float loss = 0.0f;
    float hits = 0.0f;
    for (int b = lane; b < batch; b += LANES) {
        loss += rows[b];
        hits += rows[batch + b];
    }
    loss = sum_of_row(loss, shared, lane);
    hits = sum_of_row(hits, shared, lane);
    if (lane == 0) {
        metrics[0] = counts[0] > 0.0f ? loss / counts[0] : 0.0f;
        metrics[1] = hits;
    }
}
