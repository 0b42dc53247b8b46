// SPDX-License-Identifier: Apache-2.0
// C = epilogue(A B), [M, N] = [M, K] [K, N]: the three products of a linear layer.
//
//   forward          y  = x  W^T   A = x  [M, K]            B = W^T, stored [N, K]
//   backward input   dX = dY W     A = dY [M, K]            B = W    [K, N]
//   backward weight  dW = dY^T x   A = dY^T, stored [K, M]  B = x    [K, N]
//
//            N                      A work-group computes TILE_M x TILE_N elements of C with WG_M x WG_N work-items.
//        +---+---+                  Per step it brings TILE_K columns of A and rows of B to local memory, both laid out
//      K |   | B |                  [TILE_K][TILE_M or TILE_N], while it multiplies the step before: two buffers, one
//        +---+---+                  barrier. A work-item keeps RM x RN elements of C in registers: RM consecutive rows,
//    +---+---+---+                  and RN columns in vectors of RV that lie WG_N * RV apart, so that neighbours read
//  M | A |   | C |                  neighbouring vectors.
//    +---+---+---+
//
// Bound by arithmetic: a step costs (TILE_M + TILE_N) TILE_K loads for 2 TILE_M TILE_N TILE_K operations.
// Group (n, m, s) computes tile (m, n) over the s-th part of K. With SPLIT, parts are stored one after the other and
// `finish` adds them in order: small products then still fill the device.
//
// Macros: TILE_M TILE_N TILE_K WG_M WG_N RV (see OpenClTuner for the sets tried); A_BY_K, B_BY_K: whether k is the
// contiguous axis of A and B; VA, VB, VC: vector widths of loads from A and B and of C, each dividing its contiguous axis;
// SPLIT; BIAS; EPILOGUE and ACTIVATION, below.
#include "common.cl"

#define NONE 0
#define ACTIVATE 1         // y = f(z)
#define ACTIVATE_KEEP 2    // y = f(z), z is kept
#define ADD 3              // y = other + z
#define DIFFERENTIATE 4    // y = z f'(other)

#define THREADS (WG_M * WG_N)
#define RM (TILE_M / WG_M)
#define RN (TILE_N / WG_N)
#define NV (RN / RV)
#define LOADS_A ((TILE_M * TILE_K / VA + THREADS - 1) / THREADS)
#define LOADS_B ((TILE_N * TILE_K / VB + THREADS - 1) / THREADS)

// efloat: what the epilogue works on.
#ifdef FINISH
typedef vfloat efloat;
#else
#if RV == 1
typedef float efloat;
#else
typedef JOIN(float, RV) efloat;
#endif
#endif

#if EPILOGUE == ACTIVATE || EPILOGUE == ACTIVATE_KEEP || EPILOGUE == DIFFERENTIATE
#include "activation.cl"
#endif

// `z` is A B; `bias` and `other` are the values that belong to the same elements.
static inline efloat epilogue(efloat z, efloat other)
{
#if EPILOGUE == ACTIVATE || EPILOGUE == ACTIVATE_KEEP
    return activate(z);
#elif EPILOGUE == ADD
    return other + z;
#elif EPILOGUE == DIFFERENTIATE
    return z * activation_derivative(other);
#else
    return z;
#endif
}

#ifdef FINISH
// y = epilogue(sum of the parts + bias), elementwise: one work-item per vector. Bound by memory.
//   parts [splits, count], y and other [count], bias [width]; count and width in vectors
__kernel void finish(
    OUT(vfloat, y), IN(vfloat, parts), IN(vfloat, bias), OUT(vfloat, other), const int splits, const uint count,
    const uint width)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(y);
    OPEN(parts);
    OPEN(bias);
    OPEN(other);
    vfloat z = parts[i];
    for (int s = 1; s < splits; s++) {
        z += parts[(ulong)s * count + i];
    }
#if BIAS
    z += bias[i % width];
#endif
#if EPILOGUE == ACTIVATE_KEEP
    other[i] = z;
#endif
#if EPILOGUE == ADD || EPILOGUE == DIFFERENTIATE
    y[i] = epilogue(z, other[i]);
#else
    y[i] = epilogue(z, z);
#endif
}

#else

#if VA == 1
typedef float afloat;
#else
typedef JOIN(float, VA) afloat;
#endif
#if VB == 1
typedef float bfloat;
#else
typedef JOIN(float, VB) bfloat;
#endif

// Vector `v` of a tile that is `LONG` long across k: where it lies, as offsets across (x) and along k (y).
#define PLACE(by_k, v, width, vector)                                          \
    (by_k ? (int2)((v) / (TILE_K / vector), (v) % (TILE_K / vector) * vector)  \
          : (int2)((v) % (width / vector) * vector, (v) / (width / vector)))

// Brings this work-item's vectors of a tile to registers; zero outside the matrix.
//   first: the tile's first row or column in the matrix, of `end`; k and k_end likewise along k
#define FETCH(type, vector, registers, count, by_k, width, matrix, first, end, k, k_end)                      \
    _Pragma("unroll") for (int i = 0; i < count; i++) {                                                       \
        const int v = item + i * THREADS;                                                                     \
        const int2 at = PLACE(by_k, v, width, vector);                                                        \
        const int across = first + at.x;                                                                      \
        const int along = k + at.y;                                                                           \
        const ulong index = by_k ? (ulong)across * K + along : (ulong)along * (end) + across;                 \
        registers[i] = v < width * TILE_K / vector && across < (end) && along < k_end                         \
            ? *(__global const type *)(matrix + index) : (type)0.0f;                                          \
    }

// Puts them into local memory, [TILE_K][pitch].
#define STORE(type, vector, registers, count, by_k, width, tile, pitch)                                       \
    _Pragma("unroll") for (int i = 0; i < count; i++) {                                                       \
        const int v = item + i * THREADS;                                                                     \
        if (v < width * TILE_K / vector) {                                                                    \
            const int2 at = PLACE(by_k, v, width, vector);                                                    \
            __local float *to = tile + at.y * (pitch) + at.x;                                                 \
            if (by_k) {                                                                                       \
                const union { type all; float at[vector]; } values = {registers[i]};                          \
                _Pragma("unroll") for (int e = 0; e < vector; e++) {                                          \
                    to[e * (pitch)] = values.at[e];                                                           \
                }                                                                                             \
            } else {                                                                                          \
                *(__local type *)to = registers[i];                                                           \
            }                                                                                                 \
        }                                                                                                     \
    }

typedef union {
    efloat all;
    float at[RV];
} elements;

// The elements of a row of C from column `column` on; zero past its end.
static inline efloat load_row(__global const float *row, int column, int N)
{
#if VC == RV
    return column < N ? *(__global const efloat *)(row + column) : (efloat)0.0f;
#else
    elements values;
    for (int e = 0; e < RV; e++) {
        values.at[e] = column + e < N ? row[column + e] : 0.0f;
    }
    return values.all;
#endif
}

static inline void store_row(efloat value, __global float *row, int column, int N)
{
#if VC == RV
    if (column < N) {
        *(__global efloat *)(row + column) = value;
    }
#else
    const elements values = {value};
    for (int e = 0; e < RV; e++) {
        if (column + e < N) {
            row[column + e] = values.at[e];
        }
    }
#endif
}

// Rows of a transposed tile are padded, so that the columns that neighbours write lie in different banks.
#define PITCH_A (TILE_M + (A_BY_K ? 4 : 0))
#define PITCH_B (TILE_N + (B_BY_K ? RV : 0))

__kernel __attribute__((reqd_work_group_size(WG_N, WG_M, 1))) void gemm(
    OUT(float, c), IN(float, a), IN(float, b), IN(float, bias), OUT(float, other), const int M, const int N,
    const int K, const int k_per_split)
{
    __local float a_tiles[2][TILE_K * PITCH_A] __attribute__((aligned(64)));
    __local float b_tiles[2][TILE_K * PITCH_B] __attribute__((aligned(64)));
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int item = y * WG_N + x;
    const int m0 = get_group_id(1) * TILE_M;
    const int n0 = get_group_id(0) * TILE_N;
    const int k0 = get_group_id(2) * k_per_split;
    const int k_end = min(K, k0 + k_per_split);
    OPEN(a);
    OPEN(b);

    efloat sums[RM][NV];
#pragma unroll
    for (int i = 0; i < RM; i++) {
#pragma unroll
        for (int j = 0; j < NV; j++) {
            sums[i][j] = 0.0f;
        }
    }
    afloat a_next[LOADS_A];
    bfloat b_next[LOADS_B];
    FETCH(afloat, VA, a_next, LOADS_A, A_BY_K, TILE_M, a, m0, M, k0, k_end)
    FETCH(bfloat, VB, b_next, LOADS_B, B_BY_K, TILE_N, b, n0, N, k0, k_end)
    STORE(afloat, VA, a_next, LOADS_A, A_BY_K, TILE_M, a_tiles[0], PITCH_A)
    STORE(bfloat, VB, b_next, LOADS_B, B_BY_K, TILE_N, b_tiles[0], PITCH_B)
    int current = 0;
    for (int k = k0; k < k_end; k += TILE_K) {
        // Everyone has filled the current tile and has finished reading the other one.
        barrier(CLK_LOCAL_MEM_FENCE);
        FETCH(afloat, VA, a_next, LOADS_A, A_BY_K, TILE_M, a, m0, M, k + TILE_K, k_end)
        FETCH(bfloat, VB, b_next, LOADS_B, B_BY_K, TILE_N, b, n0, N, k + TILE_K, k_end)
        __local const float *a_tile = a_tiles[current] + y * RM;
        __local const float *b_tile = b_tiles[current] + x * RV;
        efloat partial[RM][NV];
#pragma unroll
        for (int i = 0; i < RM; i++) {
#pragma unroll
            for (int j = 0; j < NV; j++) {
                partial[i][j] = sums[i][j];
            }
        }
        for (int kk = 0; kk < TILE_K; kk++) {
            efloat column[NV];
#pragma unroll
            for (int j = 0; j < NV; j++) {
                column[j] = *(__local const efloat *)(b_tile + kk * PITCH_B + j * WG_N * RV);
            }
#pragma unroll
            for (int i = 0; i < RM; i++) {
                const efloat row = a_tile[kk * PITCH_A + i];
#pragma unroll
                for (int j = 0; j < NV; j++) {
                    partial[i][j] = fma(row, column[j], partial[i][j]);
                }
            }
        }
#pragma unroll
        for (int i = 0; i < RM; i++) {
#pragma unroll
            for (int j = 0; j < NV; j++) {
                sums[i][j] = partial[i][j];
            }
        }
        STORE(afloat, VA, a_next, LOADS_A, A_BY_K, TILE_M, a_tiles[current ^ 1], PITCH_A)
        STORE(bfloat, VB, b_next, LOADS_B, B_BY_K, TILE_N, b_tiles[current ^ 1], PITCH_B)
        current ^= 1;
    }

    OPEN(c);
    OPEN(bias);
    OPEN(other);
    c += SPLIT ? get_group_id(2) * (ulong)M * N : 0;
#pragma unroll
    for (int i = 0; i < RM; i++) {
        const int m = m0 + y * RM + i;
        const ulong row = (ulong)m * N;
#pragma unroll
        for (int j = 0; j < NV; j++) {
            const int n = m < M ? n0 + (x + j * WG_N) * RV : N;
            efloat z = sums[i][j];
#if BIAS
            z += load_row(bias, n, N);
#endif
#if EPILOGUE == ACTIVATE_KEEP
            store_row(z, other + row, n, N);
#endif
#if EPILOGUE == ADD || EPILOGUE == DIFFERENTIATE
            store_row(epilogue(z, load_row(other + row, n, N)), c + row, n, N);
#else
            store_row(epilogue(z, z), c + row, n, N);
#endif
        }
    }
}
#endif
