// SPDX-License-Identifier: Apache-2.0
// C = epilogue(A B), [M, N] = [M, K] [K, N]: the three products of a linear layer.
//
//   forward          y  = x  W^T   A = x  [M, K]            B = W^T, stored [N, K]
//   backward input   dX = dY W     A = dY [M, K]            B = W    [K, N]
//   backward weight  dW = dY^T x   A = dY^T, stored [K, M]  B = x    [K, N]
//
//            N                      A work-group computes TILE_M x TILE_N elements of C with WG_M x WG_N work-items.
//        +---+---+                  Per step it brings TILE_K columns of A and rows of B to local memory, while it
//      K |   | B |                  multiplies the step before: two buffers, one barrier. A keeps its order there, B
//        +---+---+                  becomes [TILE_K][TILE_N]. A work-item has RM x RN elements of C in registers: rows
//    +---+---+---+                  ROW(i), and RN columns in vectors of RV that lie WG_N * RV apart, so that neighbours
//  M | A |   | C |                  read neighbouring vectors.
//    +---+---+---+
//
// Bound by arithmetic: a step costs (TILE_M + TILE_N) TILE_K loads for 2 TILE_M TILE_N TILE_K operations.
// Group (n, m, s) computes tile (m, n) over the s-th part of K. Several parts are stored one after the other, and
// finish.cl adds them in order: small products then still fill the device.
//
// Macros: TILE_M TILE_N TILE_K WG_M WG_N RV (see Tuning for the sets tried); A_BY_K, B_BY_K: whether k is the
// contiguous axis of A and B; LV: vector width of loads and stores, RV where that divides every contiguous axis and start,
// else 1; UNROLL_LOADS; EPILOGUE and ACTIVATION, of activation.cl. What costs nothing is decided when running instead, to
// have fewer programs to compile: a bias that is null is not added, `other` that is null is not there.
#include "common.cl"

#define THREADS (WG_M * WG_N)
#define RM (TILE_M / WG_M)
#define RN (TILE_N / WG_N)
#define NV (RN / RV)
// Where registers can be indexed by constants only, the loops over a work-item's loads must be unrolled; elsewhere that
// only costs: PoCL takes ten times as long to compile.
#if UNROLL_LOADS
#define LOADS_LOOP _Pragma("unroll")
#else
#define LOADS_LOOP
#endif
#define LOADS_A ((TILE_M * TILE_K / LV + THREADS - 1) / THREADS)
#define LOADS_B ((TILE_N * TILE_K / LV + THREADS - 1) / THREADS)

// efloat: what the epilogue works on.
#if RV == 1
typedef float efloat;
#else
typedef JOIN(float, RV) efloat;
#endif

#include "activation.cl"

#if LV == 1
typedef float lfloat;
#else
typedef JOIN(float, LV) lfloat;
#endif

// Vector `v` of a tile: where it lies, as offsets across (x) and along k (y).
#define PLACE(by_k, v, width)                                                                                 \
    (by_k ? (int2)((v) / (TILE_K / LV), (v) % (TILE_K / LV) * LV)                                             \
          : (int2)((v) % (width / LV) * LV, (v) / (width / LV)))

// Brings this work-item's vectors of a tile to registers; zero outside the matrix.
//   first: the tile's first row or column in the matrix, of `end`; k and k_end likewise along k
#define FETCH(registers, count, by_k, width, matrix, first, end, k, k_end)                                    \
    LOADS_LOOP for (int i = 0; i < count; i++) {                                                              \
        const int v = item + i * THREADS;                                                                     \
        const int2 at = PLACE(by_k, v, width);                                                                \
        const int across = first + at.x;                                                                      \
        const int along = k + at.y;                                                                           \
        const ulong index = by_k ? (ulong)across * K + along : (ulong)along * (end) + across;                 \
        registers[i] = v < width * TILE_K / LV && across < (end) && along < k_end                             \
            ? *(__global const lfloat *)(matrix + index) : (lfloat)0.0f;                                      \
    }

// Puts them into local memory: element (across, along) to across * pitch_across + along * pitch_along, of which one
// pitch is 1. If that is not the axis along which vectors were loaded, they are taken apart.
#define STORE(registers, count, by_k, width, tile, pitch_across, pitch_along)                                 \
    LOADS_LOOP for (int i = 0; i < count; i++) {                                                              \
        const int v = item + i * THREADS;                                                                     \
        if (v < width * TILE_K / LV) {                                                                        \
            const int2 at = PLACE(by_k, v, width);                                                            \
            __local float *to = tile + at.x * (pitch_across) + at.y * (pitch_along);                          \
            if ((by_k ? pitch_along : pitch_across) == 1) {                                                   \
                *(__local lfloat *)to = registers[i];                                                         \
            } else {                                                                                          \
                const union { lfloat all; float at[LV]; } values = {registers[i]};                            \
                _Pragma("unroll") for (int e = 0; e < LV; e++) {                                              \
                    to[e * (by_k ? pitch_along : pitch_across)] = values.at[e];                               \
                }                                                                                             \
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
#if LV == RV
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
#if LV == RV
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

// The tiles' layouts in local memory. Padding keeps rows of A, and the columns that neighbours write when B is
// transposed, off each other's banks, and vectors aligned.
#define PAD RV
#if A_BY_K
#define A_ACROSS (TILE_K + PAD)
#define A_ALONG 1
#define A_SIZE (TILE_M * A_ACROSS)
#define ROW(i) (y + (i) * WG_M)
#else
#define A_ACROSS 1
#define A_ALONG TILE_M
#define A_SIZE (TILE_K * TILE_M)
#define ROW(i) (y * RM + (i))
#endif
#define B_ALONG (TILE_N + (B_BY_K ? PAD : 0))

__kernel __attribute__((reqd_work_group_size(WG_N, WG_M, 1))) void gemm(
    OUT(float, c), IN(float, a), IN(float, b), IN(float, bias), OUT(float, other), const int has_bias,
    const int has_other, const int M, const int N, const int K, const int k_per_split)
{
    __local float a_tiles[2][A_SIZE] __attribute__((aligned(64)));
    __local float b_tiles[2][TILE_K * B_ALONG] __attribute__((aligned(64)));
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
    lfloat a_next[LOADS_A];
    lfloat b_next[LOADS_B];
    FETCH(a_next, LOADS_A, A_BY_K, TILE_M, a, m0, M, k0, k_end)
    FETCH(b_next, LOADS_B, B_BY_K, TILE_N, b, n0, N, k0, k_end)
    STORE(a_next, LOADS_A, A_BY_K, TILE_M, a_tiles[0], A_ACROSS, A_ALONG)
    STORE(b_next, LOADS_B, B_BY_K, TILE_N, b_tiles[0], 1, B_ALONG)
    int current = 0;
    for (int k = k0; k < k_end; k += TILE_K) {
        // Everyone has filled the current tile and has finished reading the other one.
        barrier(CLK_LOCAL_MEM_FENCE);
        FETCH(a_next, LOADS_A, A_BY_K, TILE_M, a, m0, M, k + TILE_K, k_end)
        FETCH(b_next, LOADS_B, B_BY_K, TILE_N, b, n0, N, k + TILE_K, k_end)
        __local const float *a_tile = a_tiles[current];
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
                column[j] = *(__local const efloat *)(b_tile + kk * B_ALONG + j * WG_N * RV);
            }
#pragma unroll
            for (int i = 0; i < RM; i++) {
                const efloat row = a_tile[ROW(i) * A_ACROSS + kk * A_ALONG];
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
        STORE(a_next, LOADS_A, A_BY_K, TILE_M, a_tiles[current ^ 1], A_ACROSS, A_ALONG)
        STORE(b_next, LOADS_B, B_BY_K, TILE_N, b_tiles[current ^ 1], 1, B_ALONG)
        current ^= 1;
    }

    OPEN(c);
    OPEN(bias);
    OPEN(other);
    c += get_group_id(2) * (ulong)M * N;
#pragma unroll
    for (int i = 0; i < RM; i++) {
        const int m = m0 + ROW(i);
        const ulong row = (ulong)m * N;
#pragma unroll
        for (int j = 0; j < NV; j++) {
            const int n = m < M ? n0 + (x + j * WG_N) * RV : N;
            efloat z = sums[i][j];
            if (has_bias) {
                z += load_row(bias, n, N);
            }
#if EPILOGUE == ADD
            if (has_other) {
                z += load_row(other + row, n, N);
            }
#elif EPILOGUE == ACTIVATE
            if (has_other) {
                store_row(z, other + row, n, N);
            }
            z = activate(ACTIVATION, z);
#else
            z *= activation_derivative(ACTIVATION, load_row(other + row, n, N));
#endif
            store_row(z, c + row, n, N);
        }
    }
}
