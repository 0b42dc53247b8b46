// SPDX-License-Identifier: Apache-2.0
// Softmax-scaled multi-head attention in blocks (Dao et al. 2022, arXiv:2205.14135): scores exist one BR x BC block at a
// time, never T x T. Bound by arithmetic.
//
//   S = q k^T / sqrt(A),  P = exp(S - logSumExp),  context = P v
//
// qkv is [B, T, 3, H, A], context [B, T, H, A], logSumExp [B, H, T]; av = A / VW. attention_blocks.cl has the mapping to
// work-groups and the macros.
#include "attention_blocks.cl"

// With a running maximum and sum for each row. keep_lse: whether logSumExp is wanted.
__kernel __attribute__((reqd_work_group_size(WX, WY, 1))) void attention(
    OUT(vfloat, context), OUT(float, lse), IN(vfloat, qkv), const int keep_lse, const int tokens, const int heads,
    const int av, const float scale)
{
    __local vfloat query[BR * ROW_PITCH];
    __local cfloat key[AV * VW * COLUMN_PITCH];
    __local vfloat value[BC * ROW_PITCH];
    __local cfloat scores[BR * COLUMN_PITCH];
    __local float partial[BR][WX];
    const int x = get_local_id(0);
    const int y = get_local_id(1);
    const int first = get_group_id(0) * BR;
    const int image = get_group_id(2) / heads;
    const int head = get_group_id(2) % heads;
    const int stride = 3 * heads * av;
    OPEN(qkv);
    qkv += (ulong)image * tokens * stride + head * av;
    load_rows(query, qkv, BR, first, tokens, av, stride);

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
        load_columns((__local float *)key, qkv + heads * av, start, tokens, av, stride);
        load_rows(value, qkv + 2 * heads * av, BC, start, tokens, av, stride);
        barrier(CLK_LOCAL_MEM_FENCE);
        cfloat s[RM][NC];
        score_block(s, query, (__local const float *)key, av);
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
        weighted_sum(result, scores, value, av);
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
    context += (ulong)image * tokens * heads * av + head * av;
    store_rows(context, result, first, tokens, av, heads * av);
    OPEN(lse);
    for (int i = 0; i < RM; i++) {
        const int row = first + ROW(i);
        if (keep_lse && x == 0 && row < tokens) {
            lse[(ulong)get_group_id(2) * tokens + row] = largest[i] + log(sum[i]);
        }
    }
}
