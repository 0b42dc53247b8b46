// SPDX-License-Identifier: Apache-2.0
// Sums over rows and over everything, in two steps each: every work-item or group sums a fixed part, then the parts are
// added in order. No atomics, so equal inputs give equal bits. All are bound by memory.
#include "common.cl"

// parts[chunk, :] = sum of x[row, :] over the chunk's rows. x [rows, width], width in vectors.
// Work-items: x one per column, y one per chunk of `chunk` rows.
__kernel void column_sums(
    OUT(vfloat, parts), IN(vfloat, x), const int rows, const int width, const int chunk)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(parts);
    OPEN(x);
    const int first = get_global_id(1) * chunk;
    const int end = min(rows, first + chunk);
    vfloat sum = 0.0f;
    for (int row = first; row < end; row++) {
        sum += x[(ulong)row * width + column];
    }
    parts[get_global_id(1) * width + column] = sum;
}

// y[i] = sum of parts[p, i] over p. parts [count, width], y [width], width in vectors. One work-item per column.
__kernel void add_parts(OUT(vfloat, y), IN(vfloat, parts), const int count, const int width)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(y);
    OPEN(parts);
    vfloat sum = 0.0f;
    for (int part = 0; part < count; part++) {
        sum += parts[(ulong)part * width + column];
    }
    y[column] = sum;
}

// parts[group] = sum of x^2 over the group's share, which is every (number of groups)-th run of LANES vectors.
// x [count], count in vectors. Groups of LANES work-items.
__kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void square_sums(
    OUT(float, parts), IN(vfloat, x), const uint count)
{
    __local float shared[LANES];
    OPEN(parts);
    OPEN(x);
    vfloat sum = 0.0f;
    for (uint i = get_global_id(0); i < count; i += get_global_size(0)) {
        sum = fma(x[i], x[i], sum);
    }
    const float total = sum_of_row(SUM(sum), shared, get_local_id(0));
    if (get_local_id(0) == 0) {
        parts[get_group_id(0)] = total;
    }
}
