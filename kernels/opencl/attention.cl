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
// of BC rows of the other side pass by. Its WX x WY work-items hold the block of scores as RM x RC elements each: rows
// y + i WY, columns x + j WX; and of the results (rows of A) the same rows, in vectors x + n WX.
//
// Macros: VW, which divides A; AV = A / VW vectors of a head; BR BC WX WY; PITCH >= AV, the distance of rows in local
// memory in vectors (odd where that keeps work-items off each other's banks).
#include "common.cl"

#define RM (BR / WY)
#define RC (BC / WX)
#define NV ((AV + WX - 1) / WX)
#define SCORE_PITCH (BC + 1)

// Work-items of a group must all reach the barriers: rows and columns past T are computed, masked and not stored.

// to[i] = from[(first + i) stride] for `count` rows of a head; zero past `tokens`.
static inline void load_block(
    __local vfloat *to, __global const vfloat *from, const int count, const int first, const int tokens,
    const int stride)
{
    for (int v = get_local_id(1) * WX + get_local_id(0); v < count * AV; v += WX * WY) {
        const int row = v / AV;
        const int a = v % AV;
        to[row * PITCH + a] = first + row < tokens ? from[(ulong)(first + row) * stride + a] : (vfloat)0.0f;
    }
}

// scores[i][j] = the product of rows i of `rows` and j of `columns`.
static inline void score_block(
    float scores[RM][RC], __local const vfloat *rows, __local const vfloat *columns)
{
    vfloat sums[RM][RC];
#pragma unroll
    for (int i = 0; i < RM; i++) {
#pragma unroll
        for (int j = 0; j < RC; j++) {
            sums[i][j] = 0.0f;
        }
    }
    rows += get_local_id(1) * PITCH;
    columns += get_local_id(0) * PITCH;
    for (int a = 0; a < AV; a++) {
        vfloat column[RC];
#pragma unroll
        for (int j = 0; j < RC; j++) {
            column[j] = columns[j * WX * PITCH + a];
        }
#pragma unroll
        for (int i = 0; i < RM; i++) {
            const vfloat row = rows[i * WY * PITCH + a];
#pragma unroll
            for (int j = 0; j < RC; j++) {
                sums[i][j] = fma(row, column[j], sums[i][j]);
            }
        }
    }
#pragma unroll
    for (int i = 0; i < RM; i++) {
#pragma unroll
        for (int j = 0; j < RC; j++) {
            scores[i][j] = SUM(sums[i][j]);
        }
    }
}

// sums[i][n] += sum over c of weights[row i][c] values[c][vector n].
static inline void weighted_sum(vfloat sums[RM][NV], __local const float *weights, __local const vfloat *values)
{
    const int x = get_local_id(0);
    weights += get_local_id(1) * SCORE_PITCH;
#pragma unroll
    for (int n = 0; n < NV; n++) {
        const int a = x + n * WX;
        if (a < AV) {
            vfloat part[RM];
#pragma unroll
            for (int i = 0; i < RM; i++) {
                part[i] = sums[i][n];
            }
            for (int c = 0; c < BC; c++) {
                const vfloat value = values[c * PITCH + a];
#pragma unroll
                for (int i = 0; i < RM; i++) {
                    part[i] = fma((vfloat)weights[i * WY * SCORE_PITCH + c], value, part[i]);
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

// Stores the sums as rows first + y + i WY of a head.
static inline void store_rows(
    __global vfloat *to, vfloat sums[RM][NV], const int first, const int tokens, const int stride)
{
    for (int i = 0; i < RM; i++) {
        const int row = first + get_local_id(1) + i * WY;
        for (int n = 0; n < NV; n++) {
            const int a = get_local_id(0) + n * WX;
            if (row < tokens && a < AV) {
                to[(ulong)row * stride + a] = sums[i][n];
            }
        }
    }
}

// Forward, with a running maximum and sum for each row. Macro KEEP_LSE: whether logSumExp is wanted.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention(
    OUT(vfloat, context), OUT(float, lse), IN(vfloat, qkv), const int tokens, const int heads, const float scale)
{
    __local vfloat query[BR * PITCH];
    __local vfloat other[BC * PITCH]; // keys, then values
    __local float scores[BR * SCORE_PITCH];
    __local float partial[BR * WX];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * AV;
    OPEN(qkv);
    qkv += (ulong)image * tokens * stride + head * AV;
    load_block(query, qkv, BR, first, tokens, stride);

    float largest[RM];
    float sum[RM]; // over this work-item's columns only, until the end
    vfloat result[RM][NV];
    for (int i = 0; i < RM; i++) {
        largest[i] = -INFINITY;
        sum[i] = 0.0f;
    }
    zero_sums(result);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the values and scores of the block before have been used
        load_block(other, qkv + heads * AV, BC, start, tokens, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        float s[RM][RC];
        score_block(s, query, other);
        for (int i = 0; i < RM; i++) {
            float row_largest = -INFINITY;
            for (int j = 0; j < RC; j++) {
                s[i][j] = start + x + j * WX < tokens ? s[i][j] * scale : -INFINITY;
                row_largest = fmax(row_largest, s[i][j]);
            }
            partial[(y + i * WY) * WX + x] = row_largest;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int i = 0; i < RM; i++) {
            float now = largest[i];
            for (int n = 0; n < WX; n++) {
                now = fmax(now, partial[(y + i * WY) * WX + n]);
            }
            const float correction = exp(largest[i] - now);
            largest[i] = now;
            sum[i] *= correction;
            for (int n = 0; n < NV; n++) {
                result[i][n] *= correction;
            }
            for (int j = 0; j < RC; j++) {
                const float p = exp(s[i][j] - now);
                sum[i] += p;
                scores[(y + i * WY) * SCORE_PITCH + x + j * WX] = p;
            }
        }
        load_block(other, qkv + 2 * heads * AV, BC, start, tokens, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        weighted_sum(result, scores, other);
    }

    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < RM; i++) {
        partial[(y + i * WY) * WX + x] = sum[i];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < RM; i++) {
        float total = 0.0f;
        for (int n = 0; n < WX; n++) {
            total += partial[(y + i * WY) * WX + n];
        }
        for (int n = 0; n < NV; n++) {
            result[i][n] /= total;
        }
        sum[i] = total;
    }
    OPEN(context);
    context += (ulong)image * tokens * heads * AV + head * AV;
    store_rows(context, result, first, tokens, heads * AV);
#if KEEP_LSE
    OPEN(lse);
    for (int i = 0; i < RM; i++) {
        const int row = first + y + i * WY;
        if (x == 0 && row < tokens) {
            lse[(ulong)get_group_id(2) * tokens + row] = largest[i] + log(sum[i]);
        }
    }
#endif
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
    __local vfloat query[BR * PITCH];
    __local vfloat dresult[BR * PITCH];
    __local vfloat key[BC * PITCH];
    __local vfloat value[BC * PITCH];
    __local float dscores[BR * SCORE_PITCH];
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
    load_block(query, qkv, BR, first, tokens, stride);
    load_block(dresult, dcontext, BR, first, tokens, heads * AV);
    float row_lse[RM];
    float row_delta[RM];
    vfloat dquery[RM][NV];
    for (int i = 0; i < RM; i++) {
        const ulong row = (ulong)get_group_id(2) * tokens + min(first + y + i * WY, tokens - 1);
        row_lse[i] = lse[row];
        row_delta[i] = delta[row];
    }
    zero_sums(dquery);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_block(key, qkv + heads * AV, BC, start, tokens, stride);
        load_block(value, qkv + 2 * heads * AV, BC, start, tokens, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        float s[RM][RC];
        float dp[RM][RC];
        score_block(s, query, key);
        score_block(dp, dresult, value);
        for (int i = 0; i < RM; i++) {
            for (int j = 0; j < RC; j++) {
                const float p = exp(fma(s[i][j], scale, -row_lse[i]));
                const float ds = p * (dp[i][j] - row_delta[i]) * scale;
                dscores[(y + i * WY) * SCORE_PITCH + x + j * WX] = start + x + j * WX < tokens ? ds : 0.0f;
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
    __local vfloat key[BR * PITCH];
    __local vfloat value[BR * PITCH];
    __local vfloat query[BC * PITCH];
    __local vfloat dresult[BC * PITCH];
    __local float scores[BR * SCORE_PITCH];
    __local float dscores[BR * SCORE_PITCH];
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
    load_block(key, qkv + heads * AV, BR, first, tokens, stride);
    load_block(value, qkv + 2 * heads * AV, BR, first, tokens, stride);
    vfloat dkey[RM][NV];
    vfloat dvalue[RM][NV];
    zero_sums(dkey);
    zero_sums(dvalue);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_block(query, qkv, BC, start, tokens, stride);
        load_block(dresult, dcontext, BC, start, tokens, heads * AV);
        barrier(CLK_LOCAL_MEM_FENCE);
        float s[RM][RC];
        float dp[RM][RC];
        score_block(s, key, query);
        score_block(dp, value, dresult);
        for (int j = 0; j < RC; j++) {
            const int column = start + x + j * WX;
            const float column_lse = column < tokens ? lse[column] : INFINITY;
            const float column_delta = column < tokens ? delta[column] : 0.0f;
            for (int i = 0; i < RM; i++) {
                const float p = exp(fma(s[i][j], scale, -column_lse)); // zero past the last query
                scores[(y + i * WY) * SCORE_PITCH + x + j * WX] = p;
                dscores[(y + i * WY) * SCORE_PITCH + x + j * WX] = p * (dp[i][j] - column_delta) * scale;
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
