// SPDX-License-Identifier: Apache-2.0
// The end of a residual branch where something is scaled or dropped, and its derivatives; bound by memory.
//
// Whether element i and batch entry b are kept is computed from seed, step and site (dev.vitesse.backend.Dropout has
// the definition), never stored.
#include "common.cl"

// lowbias32 (Wellons 2018).
static inline uint mix(uint x)
{
    x += 0x9e3779b9u;
    x = (x ^ x >> 16) * 0x7feb352du;
    x = (x ^ x >> 15) * 0x846ca68bu;
    return x ^ x >> 16;
}

static inline uint stream_key(__global const int *random, uint stream)
{
    return mix(stream ^ mix((uint)random[1] ^ mix((uint)random[0])));
}

static inline bool keeps(uint index, uint key, uint threshold)
{
    return mix(mix(index) ^ key) >> 8 >= threshold;
}

// What is dropped, if anything is.
//   thresholds and factors: 24-bit threshold and 1 / (1 - rate), of elements and of batch entries
typedef struct {
    int dropping;
    uint element_key;
    uint entry_key;
    uint threshold;
    uint path_threshold;
    float factor;
    float path_factor;
    uint entry_length;
} dropout;

static inline dropout open_dropout(
    __global const int *random, ulong random_start, int dropping, uint site, uint threshold, uint path_threshold,
    float factor, float path_factor, uint entry_length)
{
    dropout d;
    d.dropping = dropping;
    d.element_key = dropping ? stream_key(random + random_start, 2 * site) : 0;
    d.entry_key = dropping ? stream_key(random + random_start, 2 * site + 1) : 0;
    d.threshold = threshold;
    d.path_threshold = path_threshold;
    d.factor = factor;
    d.path_factor = path_factor;
    d.entry_length = entry_length;
    return d;
}

// What element `index` is multiplied by.
static inline float multiplier(const dropout *d, uint index)
{
    const bool kept = keeps(index, d->element_key, d->threshold)
        && keeps(index / d->entry_length, d->entry_key, d->path_threshold);
    return kept ? d->factor * d->path_factor : 0.0f;
}

// drop(value), where `i` is the vector's number in the tensor.
static inline vfloat drop(const dropout *d, uint i, vfloat value)
{
    if (!d->dropping) {
        return value;
    }
    union {
        vfloat all;
        float at[VW];
    } factors;
    for (int e = 0; e < VW; e++) {
        factors.at[e] = multiplier(d, i * VW + e);
    }
    return value * factors.all;
}

#define DROPOUT_PARAMETERS                                                                                            \
    IN(int, random), const int dropping, const uint site, const uint threshold, const uint path_threshold, const float factor,           \
        const float path_factor, const uint entry_length
#define DROPOUT                                                                                                      \
    open_dropout(                                                                                                    \
        random, random_start, dropping, site, threshold, path_threshold, factor, path_factor, entry_length)

// y = residual + drop(scale branch). All [count], scale [width], in vectors; one work-item per vector. y may be branch
// or residual; a scale or residual that is not there is null.
__kernel void residual_add(
    OUT(vfloat, y), IN(vfloat, branch), IN(vfloat, residual), IN(vfloat, scale), const int has_residual,
    const int has_scale, const uint count, const uint width, DROPOUT_PARAMETERS)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(y);
    OPEN(branch);
    OPEN(residual);
    OPEN(scale);
    const dropout d = DROPOUT;
    const vfloat value = drop(&d, i, has_scale ? branch[i] * scale[i % width] : branch[i]);
    y[i] = has_residual ? residual[i] + value : value;
}

// dBranch = scale drop(dY). dBranch may be dY.
__kernel void residual_add_backward(
    OUT(vfloat, dbranch), IN(vfloat, dy), IN(vfloat, scale), const int has_scale, const uint count, const uint width,
    DROPOUT_PARAMETERS)
{
    const uint i = get_global_id(0);
    if (i >= count) {
        return;
    }
    OPEN(dbranch);
    OPEN(dy);
    OPEN(scale);
    const dropout d = DROPOUT;
    const vfloat value = drop(&d, i, dy[i]);
    dbranch[i] = has_scale ? value * scale[i % width] : value;
}

// One chunk's share of dScale = sum of drop(dY) branch over the rows: parts [chunks, width].
// Work-items: x one per column, y one per chunk of `chunk` rows. Runs before dBranch may overwrite dY.
__kernel void residual_scale_parts(
    OUT(vfloat, parts), IN(vfloat, dy), IN(vfloat, branch), const int rows, const int width, const int chunk,
    DROPOUT_PARAMETERS)
{
    const int column = get_global_id(0);
    if (column >= width) {
        return;
    }
    OPEN(parts);
    OPEN(dy);
    OPEN(branch);
    const dropout d = DROPOUT;
    const int first = get_global_id(1) * chunk;
    const int end = min(rows, first + chunk);
    vfloat sum = 0.0f;
    for (int row = first; row < end; row++) {
        const uint i = (uint)row * width + column;
        sum = fma(drop(&d, i, dy[i]), branch[i], sum);
    }
    parts[get_global_id(1) * width + column] = sum;
}
