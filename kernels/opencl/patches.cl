// SPDX-License-Identifier: Apache-2.0
// Around the patch projection, which itself is a product of linear.cl: patches become the rows of a matrix and back.
// Only copies, bound by memory; VW is 1 where rows of a patch are too short for vectors.
//
// Patches are numbered row by row; grid is their number along a side, N = grid^2.
#include "common.cl"

// Index of element (b, c, py P + i, px P + j) of images [B, C, S, S], with j in vectors (P and S in vectors too along x).
static inline ulong pixel(int b, int c, int py, int px, int i, int j, int channels, int grid, int side, int patch)
{
    return (((ulong)b * channels + c) * grid * side + py * side + i) * (grid * patch) + px * patch + j;
}

// patches[b N + n, (c P + i) P + j] = images[b, c, py P + i, px P + j], n = py grid + px.
// `side` is P in floats, `patch` is P in vectors. Work-items: x one per vector of a patch row, y one per patch.
__kernel void gather_patches(
    OUT(vfloat, patches), IN(vfloat, images), const int channels, const int grid, const int side, const int patch)
{
    const int x = get_global_id(0);
    const int length = channels * side * patch;
    if (x >= length) {
        return;
    }
    const int row = get_global_id(1);
    const int n = row % (grid * grid);
    OPEN(patches);
    OPEN(images);
    patches[(ulong)row * length + x] = images[pixel(
        row / (grid * grid), x / (side * patch), n / grid, n % grid, x / patch % side, x % patch, channels, grid, side,
        patch)];
}

// The reverse: every pixel belongs to one patch, so this is a copy too.
__kernel void scatter_patches(
    OUT(vfloat, images), IN(vfloat, patches), const int channels, const int grid, const int side, const int patch)
{
    const int x = get_global_id(0);
    const int length = channels * side * patch;
    if (x >= length) {
        return;
    }
    const int row = get_global_id(1);
    const int n = row % (grid * grid);
    OPEN(patches);
    OPEN(images);
    images[pixel(
        row / (grid * grid), x / (side * patch), n / grid, n % grid, x / patch % side, x % patch, channels, grid, side,
        patch)] = patches[(ulong)row * length + x];
}

// tokens[b, t, :] = prefix[t] (+ position[t] if t < Q - N) for t < R, else projected[b, t - R] + position[Q - T + t].
//   tokens [B, T, width], projected [B, N, width], prefix [R, width], position [Q, width], width in vectors
// Work-items: column, token, image.
__kernel void assemble_tokens(
    OUT(vfloat, tokens), IN(vfloat, projected), IN(vfloat, prefix), IN(vfloat, position), const int width,
    const int prefix_tokens, const int positions)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    const int t = get_global_id(1);
    const int count = get_global_size(1);
    const int patch_tokens = count - prefix_tokens;
    const ulong image = get_global_id(2);
    OPEN(tokens);
    OPEN(projected);
    OPEN(prefix);
    OPEN(position);
    vfloat value;
    int at;
    if (t < prefix_tokens) {
        value = prefix[t * width + column];
        at = t < positions - patch_tokens ? t : -1;
    } else {
        value = projected[(image * patch_tokens + t - prefix_tokens) * width + column];
        at = positions - count + t;
    }
    if (at >= 0) {
        value += position[at * width + column];
    }
    tokens[(image * count + t) * width + column] = value;
}

// rows[b, n, :] = tokens[b, R + n, :]: the patch tokens without the prefix. Work-items: column, patch, image.
__kernel void patch_rows(OUT(vfloat, rows), IN(vfloat, tokens), const int width, const int prefix_tokens)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    const int n = get_global_id(1);
    const ulong image = get_global_id(2);
    const int count = get_global_size(1);
    OPEN(rows);
    OPEN(tokens);
    rows[(image * count + n) * width + column] =
        tokens[(image * (count + prefix_tokens) + prefix_tokens + n) * width + column];
}

// y[i, :] = sum of dTokens[b, token(i), :] over the batch: the gradient of prefix tokens and positions.
//   token(i) = i for i < split, else i + shift. Work-items: column, i.
__kernel void batch_sums(
    OUT(vfloat, y), IN(vfloat, dtokens), const int batch, const int tokens, const int width, const int split,
    const int shift)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    const int i = get_global_id(1);
    const int token = i < split ? i : i + shift;
    OPEN(y);
    OPEN(dtokens);
    vfloat sum = 0.0f;
    for (int b = 0; b < batch; b++) {
        sum += dtokens[((ulong)b * tokens + token) * width + column];
    }
    y[i * width + column] = sum;
}
