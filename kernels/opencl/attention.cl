// SPDX-License-Identifier: Apache-2.0
// Softmax-scaled multi-head attention in blocks (Dao et al. 2022, arXiv:2205.14135), forward and backward: scores exist
// one BR x BC block at a time, never T x T. Bound by arithmetic.
//
//   S = q k^T / sqrt(A),  P = exp(S - logSumExp),  context = P v
//   dP = dContext v^T,  delta = rowsum(dContext context),  dS = P (dP - delta)
//   dq = dS k / sqrt(A),  dk = dS^T q / sqrt(A),  dv = P^T dContext
//
// qkv is [B, T, 3, H, A], context [B, T, H, A], logSumExp and delta [B, H, T].
// A group has one head of one image (z) and one block of BR rows (x); the block's rows stay in local memory while blocks
// of BC columns pass by. Its WX x WY work-items hold the block of scores as RM x NC vectors of CW columns: rows y + i WY,
// vectors x + j WX; and of the results (rows of A) the same rows, in vectors x + n WX.
//
// Macros: VW, which divides A; AV = A / VW vectors of a head; BR BC WX WY; CW, columns of a vector; PAD, vectors that are
// left free after each row in local memory, to keep work-items off each other's banks.
#include "common.cl"

#define A (AV * VW)
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
    const int stride)
{
    for (int v = get_local_id(1) * WX + get_local_id(0); v < count * AV; v += WX * WY) {
        const int row = v / AV;
        const int a = v % AV;
        to[row * ROW_PITCH + a] = first + row < tokens ? from[(ulong)(first + row) * stride + a] : (vfloat)0.0f;
    }
}

// The same for BC rows, transposed: to[a][i].
static inline void load_columns(
    __local float *to, __global const vfloat *from, const int first, const int tokens, const int stride)
{
    for (int v = get_local_id(1) * WX + get_local_id(0); v < BC * AV; v += WX * WY) {
        const int row = v / AV;
        const int a = v % AV;
        const union {
            vfloat all;
            float at[VW];
        } values = {first + row < tokens ? from[(ulong)(first + row) * stride + a] : (vfloat)0.0f};
        for (int e = 0; e < VW; e++) {
            to[(a * VW + e) * COLUMN_PITCH * CW + row] = values.at[e];
        }
    }
}

// scores[i][j] = the product of row ROW(i) of `rows` and the columns of vector COLUMN(j) of `columns`.
static inline void score_block(cfloat scores[RM][NC], __local const vfloat *rows, __local const float *columns)
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
#pragma unroll VW
    for (int a = 0; a < A; a++) {
#pragma unroll
        for (int i = 0; i < RM; i++) {
#pragma unroll
            for (int j = 0; j < NC; j++) {
                sums[i][j] = fma(
                    (cfloat)row[ROW(i) * ROW_PITCH * VW + a], column[a * COLUMN_PITCH + COLUMN(j)], sums[i][j]);
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
static inline void weighted_sum(vfloat sums[RM][NV], __local const cfloat *weights, __local const vfloat *values)
{
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    __local const float *weight = (__local const float *)weights;
    UNROLL_RESULTS for (int n = 0; n < NV; n++) {
        const int a = x + n * WX;
        if (a < AV) {
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
    __global vfloat *to, vfloat sums[RM][NV], const int first, const int tokens, const int stride)
{
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    for (int i = 0; i < RM; i++) {
        const int row = first + ROW(i);
        for (int n = 0; n < NV; n++) {
            const int a = x + n * WX;
            if (row < tokens && a < AV) {
                to[(ulong)row * stride + a] = sums[i][n];
            }
        }
    }
}

// Forward, with a running maximum and sum for each row. keep_lse: whether logSumExp is wanted.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention(
    OUT(vfloat, context), OUT(float, lse), IN(vfloat, qkv), const int keep_lse, const int tokens, const int heads,
    const float scale)
{
    __local vfloat query[BR * ROW_PITCH];
    __local cfloat key[A * COLUMN_PITCH];
    __local vfloat value[BC * ROW_PITCH];
    __local cfloat scores[BR * COLUMN_PITCH];
    __local float partial[BR][WX];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * AV;
    OPEN(qkv);
    qkv += (ulong)image * tokens * stride + head * AV;
    load_rows(query, qkv, BR, first, tokens, stride);

    float largest[RM];
    float sum[RM]; // over this work-item's columns only, until the end
    vfloat result[RM][NV];
    for (int i = 0; i < RM; i++) {
        largest[i] = -INFINITY;
        sum[i] = 0.0f;
    }
    zero_sums(result);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_columns((__local float *)key, qkv + heads * AV, start, tokens, stride);
        load_rows(value, qkv + 2 * heads * AV, BC, start, tokens, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        score_block(s, query, (__local const float *)key);
        for (int i = 0; i < RM; i++) {
            cfloat row_largest = -INFINITY;
            for (int j = 0; j < NC; j++) {
                const cint column = start + COLUMN(j) * CW + COLUMN_NUMBERS;
                s[i][j] = select((cfloat)-INFINITY, s[i][j] * scale, column < tokens);
                row_largest = fmax(row_largest, s[i][j]);
            }
            partial[ROW(i)][x] = MAX_COLUMNS(row_largest);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < RM; i++) {
            float now = largest[i];
            for (int n = 0; n < WX; n++) {
                now = fmax(now, partial[ROW(i)][n]);
            }
            const float correction = exp(largest[i] - now);
            largest[i] = now;
            cfloat block_sum = 0.0f;
            for (int j = 0; j < NC; j++) {
                const cfloat p = exp(s[i][j] - now);
                block_sum += p;
                scores[ROW(i) * COLUMN_PITCH + COLUMN(j)] = p;
            }
            sum[i] = sum[i] * correction + SUM_COLUMNS(block_sum);
            for (int n = 0; n < NV; n++) {
                result[i][n] *= correction;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        weighted_sum(result, scores, value);
    }

    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < RM; i++) {
        partial[ROW(i)][x] = sum[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < RM; i++) {
        float total = 0.0f;
        for (int n = 0; n < WX; n++) {
            total += partial[ROW(i)][n];
        }
        for (int n = 0; n < NV; n++) {
            result[i][n] /= total;
        }
        sum[i] = total;
    }
    OPEN(context);
    context += (ulong)image * tokens * heads * AV + head * AV;
    store_rows(context, result, first, tokens, heads * AV);
    OPEN(lse);
    for (int i = 0; i < RM; i++) {
        const int row = first + ROW(i);
        if (keep_lse && x == 0 && row < tokens) {
            lse[(ulong)get_group_id(2) * tokens + row] = largest[i] + log(sum[i]);
        }
    }
}

// delta[b, h, t] = sum over a of dContext context. One work-item per (b, t, h).
__kernel void attention_delta(
    OUT(float, delta), IN(vfloat, dcontext), IN(vfloat, context), const uint count, const int tokens, const int heads)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(delta);
    OPEN(dcontext);
    OPEN(context);
    vfloat sum = 0.0f;
    for (int a = 0; a < AV; a++) {
        sum = fma(dcontext[(ulong)i * AV + a], context[(ulong)i * AV + a], sum);
    }
    const uint head = i % heads;
    const uint token = i / heads % tokens;
    const uint image = i / heads / tokens;
    delta[((ulong)image * heads + head) * tokens + token] = SUM(sum);
}

// dq of a block of queries; keys and values pass by.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention_backward_query(
    OUT(vfloat, dqkv), IN(vfloat, dcontext), IN(vfloat, qkv), IN(float, lse), IN(float, delta), const int tokens,
    const int heads, const float scale)
{
    __local vfloat query[BR * ROW_PITCH];
    __local vfloat dresult[BR * ROW_PITCH];
    __local vfloat key[BC * ROW_PITCH];
    __local cfloat key_columns[A * COLUMN_PITCH];
    __local cfloat value_columns[A * COLUMN_PITCH];
    __local cfloat dscores[BR * COLUMN_PITCH];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * AV;
    const ulong start_of_head = (ulong)image * tokens * stride + head * AV;
    OPEN(dqkv);
    OPEN(dcontext);
    OPEN(qkv);
    OPEN(lse);
    OPEN(delta);
    qkv += start_of_head;
    dcontext += (ulong)image * tokens * heads * AV + head * AV;
    load_rows(query, qkv, BR, first, tokens, stride);
    load_rows(dresult, dcontext, BR, first, tokens, heads * AV);
    float row_lse[RM];
    float row_delta[RM];
    vfloat dquery[RM][NV];
    for (int i = 0; i < RM; i++) {
        const ulong row = (ulong)get_group_id(2) * tokens + min(first + ROW(i), tokens - 1);
        row_lse[i] = lse[row];
        row_delta[i] = delta[row];
    }
    zero_sums(dquery);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_rows(key, qkv + heads * AV, BC, start, tokens, stride);
        load_columns((__local float *)key_columns, qkv + heads * AV, start, tokens, stride);
        load_columns((__local float *)value_columns, qkv + 2 * heads * AV, start, tokens, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        cfloat dp[RM][NC];
        score_block(s, query, (__local const float *)key_columns);
        score_block(dp, dresult, (__local const float *)value_columns);
        for (int i = 0; i < RM; i++) {
            for (int j = 0; j < NC; j++) {
                const cint column = start + COLUMN(j) * CW + COLUMN_NUMBERS;
                const cfloat p = exp(s[i][j] * scale - row_lse[i]);
                const cfloat ds = p * (dp[i][j] - row_delta[i]) * scale;
                dscores[ROW(i) * COLUMN_PITCH + COLUMN(j)] = select((cfloat)0.0f, ds, column < tokens);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        weighted_sum(dquery, dscores, key);
    }
    store_rows(dqkv + start_of_head, dquery, first, tokens, stride);
}

// dk and dv of a block of keys; queries and dContext pass by. Scores are transposed: rows are keys, columns queries.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention_backward_key_value(
    OUT(vfloat, dqkv), IN(vfloat, dcontext), IN(vfloat, qkv), IN(float, lse), IN(float, delta), const int tokens,
    const int heads, const float scale)
{
    __local vfloat key[BR * ROW_PITCH];
    __local vfloat value[BR * ROW_PITCH];
    __local vfloat query[BC * ROW_PITCH];
    __local vfloat dresult[BC * ROW_PITCH];
    __local cfloat query_columns[A * COLUMN_PITCH];
    __local cfloat dresult_columns[A * COLUMN_PITCH];
    __local cfloat scores[BR * COLUMN_PITCH];
    __local cfloat dscores[BR * COLUMN_PITCH];
    __local cfloat column_lse[BC / CW];
    __local cfloat column_delta[BC / CW];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * AV;
    const ulong start_of_head = (ulong)image * tokens * stride + head * AV;
    OPEN(dqkv);
    OPEN(dcontext);
    OPEN(qkv);
    OPEN(lse);
    OPEN(delta);
    lse += (ulong)get_group_id(2) * tokens;
    delta += (ulong)get_group_id(2) * tokens;
    qkv += start_of_head;
    dcontext += (ulong)image * tokens * heads * AV + head * AV;
    load_rows(key, qkv + heads * AV, BR, first, tokens, stride);
    load_rows(value, qkv + 2 * heads * AV, BR, first, tokens, stride);
    vfloat dkey[RM][NV];
    vfloat dvalue[RM][NV];
    zero_sums(dkey);
    zero_sums(dvalue);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_rows(query, qkv, BC, start, tokens, stride);
        load_rows(dresult, dcontext, BC, start, tokens, heads * AV);
        load_columns((__local float *)query_columns, qkv, start, tokens, stride);
        load_columns((__local float *)dresult_columns, dcontext, start, tokens, heads * AV);
        for (int c = y * WX + x; c < BC; c += WX * WY) {
            const bool inside = start + c < tokens;
            ((__local float *)column_lse)[c] = inside ? lse[start + c] : INFINITY; // exp(-inf): no weight
            ((__local float *)column_delta)[c] = inside ? delta[start + c] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        cfloat dp[RM][NC];
        score_block(s, key, (__local const float *)query_columns);
        score_block(dp, value, (__local const float *)dresult_columns);
        for (int j = 0; j < NC; j++) {
            const cfloat lse_here = column_lse[COLUMN(j)];
            const cfloat delta_here = column_delta[COLUMN(j)];
            for (int i = 0; i < RM; i++) {
                const cfloat p = exp(s[i][j] * scale - lse_here);
                scores[ROW(i) * COLUMN_PITCH + COLUMN(j)] = p;
                dscores[ROW(i) * COLUMN_PITCH + COLUMN(j)] = p * (dp[i][j] - delta_here) * scale;
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        weighted_sum(dvalue, scores, dresult);
        weighted_sum(dkey, dscores, query);
    }
    dqkv += start_of_head;
    store_rows(dqkv + heads * AV, dkey, first, tokens, stride);
    store_rows(dqkv + 2 * heads * AV, dvalue, first, tokens, stride);
}
