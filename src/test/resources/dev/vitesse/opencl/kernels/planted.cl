// SPDX-License-Identifier: Apache-2.0
// Kernels with one mistake each, which the sanitizer must find: SanitizerTest. Groups of GROUP work-items; x [count].

// Reads what neighbours write, with nothing that makes them wait for it.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void missing_barrier(
    __global float *x, const ulong x_start, const int count)
{
    __local float shared[GROUP];
    const int lane = get_local_id(0);
    x += x_start;
    shared[lane] = x[lane];
    x[lane] = shared[(lane + 1) % GROUP];
}

// There are more work-items than elements, and those past the end write too.
__kernel void out_of_bounds_write(__global float *x, const ulong x_start, const int count)
{
    x += x_start;
    x[get_global_id(0)] = 1.0f;
}

// One element of the local array is read although nobody wrote it.
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void uninitialized_local_read(
    __global float *x, const ulong x_start, const int count)
{
    __local float shared[GROUP];
    const int lane = get_local_id(0);
    x += x_start;
    if (lane > 0) {
        shared[lane] = x[lane];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < count) {
        x[lane] = shared[lane];
    }
}
