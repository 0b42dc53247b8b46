// SPDX-License-Identifier: Apache-2.0
// The derivatives of attention.cl, with the probabilities computed again from logSumExp. Bound by arithmetic.
//
//   dP = dContext v^T,  delta = rowsum(dContext context),  dS = P (dP - delta)
//   dq = dS k / sqrt(A),  dk = dS^T q / sqrt(A),  dv = P^T dContext
//
// qkv is [B, T, 3, H, A], context [B, T, H, A], logSumExp and delta [B, H, T]; av = A / VW. attention_blocks.cl has the
// mapping to work-groups and the macros.
#include "attention_blocks.cl"

// delta[b, h, t] = sum over a of dContext context. One work-item per (b, t, h).
__kernel void attention_delta(
    OUT(float, delta), IN(vfloat, dcontext), IN(vfloat, context), const uint count, const int tokens, const int heads,
    const int av)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(delta);
    OPEN(dcontext);
    OPEN(context);
    vfloat sum = 0.0f;
    for (int a = 0; a < av; a++) {
        sum = fma(dcontext[(ulong)i * av + a], context[(ulong)i * av + a], sum);
    }
    const uint head = i % heads;
    const uint token = i / heads % tokens;
    const uint image = i / heads / tokens;
    delta[((ulong)image * heads + head) * tokens + token] = SUM(sum);
}

// dq of a block of queries; keys and values pass by.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention_backward_query(
    OUT(vfloat, dqkv), IN(vfloat, dcontext), IN(vfloat, qkv), IN(float, lse), IN(float, delta), const int tokens,
    const int heads, const int av, const float scale)
{
    __local vfloat query[BR * ROW_PITCH];
    __local vfloat dresult[BR * ROW_PITCH];
    __local vfloat key[BC * ROW_PITCH];
    __local cfloat key_columns[AV * VW * COLUMN_PITCH];
    __local cfloat value_columns[AV * VW * COLUMN_PITCH];
    __local cfloat dscores[BR * COLUMN_PITCH];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * av;
    const ulong start_of_head = (ulong)image * tokens * stride + head * av;
    OPEN(dqkv);
    OPEN(dcontext);
    OPEN(qkv);
    OPEN(lse);
    OPEN(delta);
    qkv += start_of_head;
    dcontext += (ulong)image * tokens * heads * av + head * av;
    load_rows(query, qkv, BR, first, tokens, av, stride);
    load_rows(dresult, dcontext, BR, first, tokens, av, heads * av);
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
        load_rows(key, qkv + heads * av, BC, start, tokens, av, stride);
        load_columns((__local float *)key_columns, qkv + heads * av, start, tokens, av, stride);
        load_columns((__local float *)value_columns, qkv + 2 * heads * av, start, tokens, av, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        cfloat dp[RM][NC];
        score_block(s, query, (__local const float *)key_columns, av);
        score_block(dp, dresult, (__local const float *)value_columns, av);
        for (int i = 0; i < RM; i++) {
            for (int j = 0; j < NC; j++) {
                const cint column = start + COLUMN(j) * CW + COLUMN_NUMBERS;
                const cfloat p = exp(s[i][j] * scale - row_lse[i]);
                const cfloat ds = p * (dp[i][j] - row_delta[i]) * scale;
                dscores[ROW(i) * COLUMN_PITCH + COLUMN(j)] = select((cfloat)0.0f, ds, column < tokens);
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        weighted_sum(dquery, dscores, key, av);
    }
    store_rows(dqkv + start_of_head, dquery, first, tokens, av, stride);
}

// dk and dv of a block of keys; queries and dContext pass by. Scores are transposed: rows are keys, columns queries.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention_backward_key_value(
    OUT(vfloat, dqkv), IN(vfloat, dcontext), IN(vfloat, qkv), IN(float, lse), IN(float, delta), const int tokens,
    const int heads, const int av, const float scale)
{
    __local vfloat key[BR * ROW_PITCH];
    __local vfloat value[BR * ROW_PITCH];
    __local vfloat query[BC * ROW_PITCH];
    __local vfloat dresult[BC * ROW_PITCH];
    __local cfloat query_columns[AV * VW * COLUMN_PITCH];
    __local cfloat dresult_columns[AV * VW * COLUMN_PITCH];
    __local cfloat scores[BR * COLUMN_PITCH];
    __local cfloat dscores[BR * COLUMN_PITCH];
    __local cfloat column_lse[BC / CW];
    __local cfloat column_delta[BC / CW];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * av;
    const ulong start_of_head = (ulong)image * tokens * stride + head * av;
    OPEN(dqkv);
    OPEN(dcontext);
    OPEN(qkv);
    OPEN(lse);
    OPEN(delta);
    lse += (ulong)get_group_id(2) * tokens;
    delta += (ulong)get_group_id(2) * tokens;
    qkv += start_of_head;
    dcontext += (ulong)image * tokens * heads * av + head * av;
    load_rows(key, qkv + heads * av, BR, first, tokens, av, stride);
    load_rows(value, qkv + 2 * heads * av, BR, first, tokens, av, stride);
    vfloat dkey[RM][NV];
    vfloat dvalue[RM][NV];
    zero_sums(dkey);
    zero_sums(dvalue);
    for (int start = 0; start < tokens; start += BC) {
        barrier(CLK_LOCAL_MEM_FENCE); // the block before has been used
        load_rows(query, qkv, BC, start, tokens, av, stride);
        load_rows(dresult, dcontext, BC, start, tokens, av, heads * av);
        load_columns((__local float *)query_columns, qkv, start, tokens, av, stride);
        load_columns((__local float *)dresult_columns, dcontext, start, tokens, av, heads * av);
        for (int c = y * WX + x; c < BC; c += WX * WY) {
            const bool inside = start + c < tokens;
            ((__local float *)column_lse)[c] = inside ? lse[start + c] : INFINITY; // exp(-inf): no weight
            ((__local float *)column_delta)[c] = inside ? delta[start + c] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        cfloat dp[RM][NC];
        score_block(s, key, (__local const float *)query_columns, av);
        score_block(dp, value, (__local const float *)dresult_columns, av);
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
        weighted_sum(dvalue, scores, dresult, av);
        weighted_sum(dkey, dscores, query, av);
    }
    dqkv += start_of_head;
    store_rows(dqkv + heads * av, dkey, first, tokens, av, stride);
    store_rows(dqkv + 2 * heads * av, dvalue, first, tokens, av, stride);
}
