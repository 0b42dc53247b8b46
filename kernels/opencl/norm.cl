// SPDX-License-Identifier: Apache-2.0
// Layer normalisation of the rows of x [rows, width], forward and backward. Widths are in vectors, epsilon and the
// divisor in floats. Bound by memory: each row comes from main memory once, further passes read it from the cache.
//
// Macros: VW, LANES work-items for each row, ROWS rows for each group (local size LANES x ROWS).
#include "common.cl"

// mean = sum(x) / D, variance = sum((x - mean)^2) / D in a second pass, rstd = 1 / sqrt(variance + epsilon),
// y = gamma (x - mean) rstd + beta. The second pass also sums x - mean, which is what rounding left of the mean: where
// the mean is large beside the deviation, that would be seen.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) void layer_norm(
    OUT(vfloat, y), OUT(float, mean), OUT(float, rstd), IN(vfloat, x), IN(vfloat, gamma), IN(vfloat, beta),
    const int rows, const int width, const float epsilon)
{
    __local float shared[ROWS][LANES];
    const int lane = get_local_id(0);
    __local float *row_shared = shared[get_local_id(1)];
    const int row = get_global_id(1);
    // Rows past the end compute the last one again, because every work-item must reach the barriers.
    const ulong start = (ulong)min(row, rows - 1) * width;
    OPEN(x);
    x += start;
    vfloat sum = 0.0f;
    for (int i = lane; i < width; i += LANES) {
        sum += x[i];
    }
    const float elements = (float)width * VW;
    const float row_mean = sum_of_row(SUM(sum), row_shared, lane) / elements;
    vfloat differences = 0.0f;
    vfloat squares = 0.0f;
    for (int i = lane; i < width; i += LANES) {
        const vfloat difference = x[i] - row_mean;
        differences += difference;
        squares = fma(difference, difference, squares);
    }
    const float rest = sum_of_row(SUM(differences), row_shared, lane) / elements;
    const float variance = fmax(sum_of_row(SUM(squares), row_shared, lane) / elements - rest * rest, 0.0f);
    const float row_rstd = 1.0f / sqrt(variance + epsilon);
    if (row >= rows) {
        return;
    }
    OPEN(y);
    OPEN(mean);
    OPEN(rstd);
    OPEN(gamma);
    OPEN(beta);
    y += start;
    for (int i = lane; i < width; i += LANES) {
        y[i] = fma(gamma[i], (x[i] - row_mean - rest) * row_rstd, beta[i]);
    }
    if (lane == 0) {
        mean[row] = row_mean + rest;
        rstd[row] = row_rstd;
    }
}

// dX += rstd (g - mean(g) - xh mean(g xh)) with g = gamma dY and xh = (x - mean) rstd.
__kernel __attribute__((reqd_work_group_size(LANES, ROWS, 1))) void layer_norm_backward(
    OUT(vfloat, dx), IN(vfloat, dy), IN(vfloat, x), IN(float, mean), IN(float, rstd), IN(vfloat, gamma),
    const int rows, const int width)
{
    __local float shared[ROWS][LANES];
    const int lane = get_local_id(0);
    __local float *row_shared = shared[get_local_id(1)];
    const int row = min((int)get_global_id(1), rows - 1);
    const ulong start = (ulong)row * width;
    OPEN(dy);
    OPEN(x);
    OPEN(mean);
    OPEN(rstd);
    OPEN(gamma);
    dy += start;
    x += start;
    const float row_mean = mean[row];
    const float row_rstd = rstd[row];
    vfloat sum = 0.0f;
    vfloat weighted_sum = 0.0f;
    for (int i = lane; i < width; i += LANES) {
        const vfloat g = gamma[i] * dy[i];
        sum += g;
        weighted_sum = fma(g, (x[i] - row_mean) * row_rstd, weighted_sum);
    }
    const float elements = (float)width * VW;
    const float mean_g = sum_of_row(SUM(sum), row_shared, lane) / elements;
    const float mean_gxh = sum_of_row(SUM(weighted_sum), row_shared, lane) / elements;
    if ((int)get_global_id(1) >= rows) {
        return;
    }
    OPEN(dx);
    dx += start;
    for (int i = lane; i < width; i += LANES) {
        const vfloat xh = (x[i] - row_mean) * row_rstd;
        dx[i] += row_rstd * (gamma[i] * dy[i] - mean_g - xh * mean_gxh);
    }
}

// One chunk's share of dGamma = sum dY xh and dBeta = sum dY: parts [chunks, 2, width].
// Work-items: x one per column, y one per chunk of `chunk` rows.
__kernel void layer_norm_parameters(
    OUT(vfloat, parts), IN(vfloat, dy), IN(vfloat, x), IN(float, mean), IN(float, rstd), const int rows,
    const int width, const int chunk)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(parts);
    OPEN(dy);
    OPEN(x);
    OPEN(mean);
    OPEN(rstd);
    const int first = get_global_id(1) * chunk;
    const int end = min(rows, first + chunk);
    vfloat dgamma = 0.0f;
    vfloat dbeta = 0.0f;
    for (int row = first; row < end; row++) {
        const ulong i = (ulong)row * width + column;
        const vfloat xh = (x[i] - mean[row]) * rstd[row];
        dgamma = fma(dy[i], xh, dgamma);
        dbeta += dy[i];
    }
    parts += get_global_id(1) * 2 * width + column;
    parts[0] = dgamma;
    parts[width] = dbeta;
}
