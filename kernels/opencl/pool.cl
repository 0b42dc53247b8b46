// SPDX-License-Identifier: Apache-2.0
// The mean of some tokens of each image, and its derivative; bound by memory.
#include "common.cl"

// pooled[b, :] = mean of x[b, first ... first + count - 1, :]. x [B, tokens, width], width in vectors.
// Work-items: x one per column, y one per image.
__kernel void pool(
    OUT(vfloat, pooled), IN(vfloat, x), const int tokens, const int width, const int first, const int count)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(pooled);
    OPEN(x);
    x += (get_global_id(1) * tokens + first) * (ulong)width + column;
    vfloat sum = 0.0f;
    for (int token = 0; token < count; token++) {
        sum += x[(ulong)token * width];
    }
    pooled[get_global_id(1) * width + column] = sum / (float)count;
}

// dX[b, t, :] = dPooled[b, :] / count at pooled tokens, else zero. Work-items: column, token, image.
__kernel void pool_backward(
    OUT(vfloat, dx), IN(vfloat, dpooled), const int tokens, const int width, const int first, const int count)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(dx);
    OPEN(dpooled);
    const int token = get_global_id(1);
    const ulong image = get_global_id(2);
    const bool pooled = token >= first && token < first + count;
    const vfloat value = pooled ? dpooled[image * width + column] / (float)count : (vfloat)0.0f;
    dx[(image * tokens + token) * width + column] = value;
}
