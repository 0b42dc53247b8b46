// SPDX-License-Identifier: Apache-2.0
// The blocks that attention.cl and attention_backward.cl compute with.
//
// A group has one head of one image (z) and one block of BR rows (x); the block's rows stay in local memory while
// blocks of BC columns pass by. Its WX x WY work-items hold the block of scores as RM x NC vectors of CW columns: rows
// y + i WY, vectors x + j WX; and of the results (rows of A) the same rows, in vectors x + n WX.
//
// Macros: VW, which divides A; AV, how many vectors of a head there is room for, of which av = A / VW are used: few
// sizes, so few programs; BR BC WX WY; CW, columns of a vector; PAD, vectors that are left free after each row in local
// memory, to keep work-items off each other's banks.
#include "common.cl"

#define RM (BR / WY)
#define NC (BC / WX / CW)
#define NV ((AV + WX - 1) / WX)
// Wide heads have more results than registers; compilers take minutes to unroll loops over them.
#if NV <= 4
#define UNROLL_RESULTS _Pragma("unroll")
#else
#define UNROLL_RESULTS
#endif
// Distances of rows in local memory: of rows of A in vectors of VW, of rows of columns in vectors of CW.
#define ROW_PITCH (AV + PAD)
#define COLUMN_PITCH (BC / CW + PAD)
#define ROW(i) (y + (i) * WY)
#define COLUMN(j) (x + (j) * WX)

#if CW == 1
typedef float cfloat;
typedef int cint;
#define COLUMN_NUMBERS 0
#elif CW == 4
typedef float4 cfloat;
typedef int4 cint;
#define COLUMN_NUMBERS (int4)(0, 1, 2, 3)
#else
typedef float8 cfloat;
typedef int8 cint;
#define COLUMN_NUMBERS (int8)(0, 1, 2, 3, 4, 5, 6, 7)
#endif
#define SUM_COLUMNS(v) JOIN(sum_of, CW)(v)
#define MAX_COLUMNS(v) JOIN(max_of, CW)(v)

// Work-items of a group must all reach the barriers: rows and columns past T are computed, masked and not stored.

// to[i] = row first + i of a head, `stride` vectors apart; zero past `tokens`.
static inline void load_rows(
    __local vfloat *to, __global const vfloat *from, const int count, const int first, const int tokens,
    const int av, const int stride)
{
    for (int row = get_local_id(1); row < count; row += WY) {
        for (int a = get_local_id(0); a < av; a += WX) {
            to[row * ROW_PITCH + a] = first + row < tokens ? from[(ulong)(first + row) * stride + a] : (vfloat)0.0f;
        }
    }
}

// The same for BC rows, transposed: to[a][i].
static inline void load_columns(
    __local float *to, __global const vfloat *from, const int first, const int tokens, const int av, const int stride)
{
    for (int row = get_local_id(1); row < BC; row += WY) {
        for (int a = get_local_id(0); a < av; a += WX) {
            const union {
                vfloat all;
                float at[VW];
            } values = {first + row < tokens ? from[(ulong)(first + row) * stride + a] : (vfloat)0.0f};
            for (int e = 0; e < VW; e++) {
                to[(a * VW + e) * COLUMN_PITCH * CW + row] = values.at[e];
            }
        }
    }
}

// scores[i][j] = the product of row ROW(i) of `rows` and the columns of vector COLUMN(j) of `columns`.
static inline void score_block(
    cfloat scores[RM][NC], __local const vfloat *rows, __local const float *columns, const int av)
{
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    __local const float *row = (__local const float *)rows;
    __local const cfloat *column = (__local const cfloat *)columns;
    cfloat sums[RM][NC];
#pragma unroll
    for (int i = 0; i < RM; i++) {
#pragma unroll
        for (int j = 0; j < NC; j++) {
            sums[i][j] = 0.0f;
        }
    }
    for (int v = 0; v < av; v++) {
#pragma unroll
        for (int a = v * VW; a < v * VW + VW; a++) {
#pragma unroll
            for (int i = 0; i < RM; i++) {
#pragma unroll
                for (int j = 0; j < NC; j++) {
                    sums[i][j] = fma(
                        (cfloat)row[ROW(i) * ROW_PITCH * VW + a], column[a * COLUMN_PITCH + COLUMN(j)], sums[i][j]);
                }
            }
        }
    }
#pragma unroll
    for (int i = 0; i < RM; i++) {
#pragma unroll
        for (int j = 0; j < NC; j++) {
            scores[i][j] = sums[i][j];
        }
    }
}

// sums[i][n] += sum over c of weights[ROW(i)][c] values[c][vector n].
static inline void weighted_sum(
    vfloat sums[RM][NV], __local const cfloat *weights, __local const vfloat *values, const int av)
{
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    __local const float *weight = (__local const float *)weights;
    UNROLL_RESULTS for (int n = 0; n < NV; n++) {
        const int a = x + n * WX;
        if (a < av) {
            vfloat part[RM];
#pragma unroll
            for (int i = 0; i < RM; i++) {
                part[i] = sums[i][n];
            }
            for (int c = 0; c < BC; c++) {
                const vfloat value = values[c * ROW_PITCH + a];
#pragma unroll
                for (int i = 0; i < RM; i++) {
                    part[i] = fma((vfloat)weight[ROW(i) * COLUMN_PITCH * CW + c], value, part[i]);
                }
            }
#pragma unroll
            for (int i = 0; i < RM; i++) {
                sums[i][n] = part[i];
            }
        }
    }
}

static inline void zero_sums(vfloat sums[RM][NV])
{
    for (int i = 0; i < RM; i++) {
        for (int n = 0; n < NV; n++) {
            sums[i][n] = 0.0f;
        }
    }
}

// Stores the sums as rows first + ROW(i) of a head.
static inline void store_rows(
    __global vfloat *to, vfloat sums[RM][NV], const int first, const int tokens, const int av, const int stride)
{
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    for (int i = 0; i < RM; i++) {
        const int row = first + ROW(i);
        for (int n = 0; n < NV; n++) {
            const int a = x + n * WX;
            if (row < tokens && a < av) {
                to[(ulong)row * stride + a] = sums[i][n];
            }
        }
    }
}
