// SPDX-License-Identifier: Apache-2.0
// Clipping and the optimizers' updates, elementwise over a tensor of `count` vectors: one work-item per vector. Bound
// by memory. schedule [3]: learning rate, c1, c2; clip [2]: norm, factor.
#include "common.cl"

// clip = [norm, factor]: norm = sqrt(sum of sums), factor = min(1, max_norm / (norm + 1e-6)), 1 if max_norm is 0, NaN if
// the norm is not finite. One work-item: there are as many sums as parameter tensors.
__kernel void clip_factor(OUT(float, clip), IN(float, sums), const int count, const float max_norm)
{
    OPEN(clip);
    OPEN(sums);
    float sum = 0.0f;
    for (int i = 0; i < count; i++) {
        sum += sums[i];
    }
    const float norm = sqrt(sum);
    const float factor = max_norm > 0.0f ? fmin(1.0f, max_norm / (norm + 1e-6f)) : 1.0f;
    clip[0] = norm;
    clip[1] = isfinite(norm) ? factor : NAN;
}

// g = clip[1] gradient + coupled weight; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
// weight = weight (1 - rate decoupled) - rate (m / c1) / (sqrt(v / c2) + epsilon).
// Weight decay is either `coupled` (Adam) or `decoupled` (AdamW); the other one is zero.
__kernel void adam(
    OUT(vfloat, weight), OUT(vfloat, m), OUT(vfloat, v), IN(vfloat, gradient), IN(float, schedule), IN(float, clip),
    const uint count, const float beta1, const float beta2, const float epsilon, const float coupled,
    const float decoupled)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(weight);
    OPEN(m);
    OPEN(v);
    OPEN(gradient);
    OPEN(schedule);
    OPEN(clip);
    const float rate = schedule[0];
    const vfloat w = weight[i];
    const vfloat g = clip[1] * gradient[i] + coupled * w;
    const vfloat mean = beta1 * m[i] + (1.0f - beta1) * g;
    const vfloat square = beta2 * v[i] + (1.0f - beta2) * g * g;
    m[i] = mean;
    v[i] = square;
    weight[i] = w * (1.0f - rate * decoupled) - rate * (mean / schedule[1]) / (sqrt(square / schedule[2]) + epsilon);
}

// g = clip[1] gradient + decay weight; velocity = momentum velocity + g; weight -= rate velocity, or with Nesterov's
// look-ahead rate (g + momentum velocity).
__kernel void sgd(
    OUT(vfloat, weight), OUT(vfloat, velocity), IN(vfloat, gradient), IN(float, schedule), IN(float, clip),
    const uint count, const float momentum, const float decay, const int nesterov)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(weight);
    OPEN(velocity);
    OPEN(gradient);
    OPEN(schedule);
    OPEN(clip);
    const vfloat g = clip[1] * gradient[i] + decay * weight[i];
    const vfloat speed = momentum * velocity[i] + g;
    velocity[i] = speed;
    weight[i] -= schedule[0] * (nesterov ? g + momentum * speed : speed);
}

// x = value.
__kernel void fill(OUT(vfloat, x), const uint count, const float value)
{
    const uint i = get_global_id(0);
    if (i < count) {
        OPEN(x);
        x[i] = value;
    }
}
