// SPDX-License-Identifier: Apache-2.0
// What every kernel file begins with: vector types, loads, reductions.
//
// Macros, all given by the host for each program:
//   VW     elements that are loaded at once. The host picks the device's preferred width where it divides the length of
//          every row and the start of every tensor involved, else a smaller one: kernels need no remainder loop, and
//          every vector is aligned.
//   LANES  work-items that share a row (reductions along rows only), a power of two.
//
// A tensor is a pointer to the buffer that holds it and its start there in floats: views may start at any element,
// where a sub-buffer would have to be aligned.

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#if VW == 1
typedef float vfloat;
#define convert_vfloat(x) ((float)(x))
#else
typedef JOIN(float, VW) vfloat;
#define convert_vfloat(x) JOIN(convert_float, VW)(x)
#endif

#define IN(type, name) __global const type *name, const ulong name##_start
#define OUT(type, name) __global type *name, const ulong name##_start
// Moves a tensor's pointer to its first element.
#define OPEN(name) name += name##_start * sizeof(float) / sizeof(*name)

// The sum of a vector's elements, halves first: a fixed order.
static inline float sum_of1(float x) { return x; }
static inline float sum_of2(float2 x) { return x.s0 + x.s1; }
static inline float sum_of4(float4 x) { return sum_of2(x.lo + x.hi); }
static inline float sum_of8(float8 x) { return sum_of4(x.lo + x.hi); }
static inline float sum_of16(float16 x) { return sum_of8(x.lo + x.hi); }
#define SUM(x) JOIN(sum_of, VW)(x)

static inline float max_of1(float x) { return x; }
static inline float max_of2(float2 x) { return fmax(x.s0, x.s1); }
static inline float max_of4(float4 x) { return max_of2(fmax(x.lo, x.hi)); }
static inline float max_of8(float8 x) { return max_of4(fmax(x.lo, x.hi)); }
static inline float max_of16(float16 x) { return max_of8(fmax(x.lo, x.hi)); }
#define MAX(x) JOIN(max_of, VW)(x)

#ifdef LANES
// The sum (or maximum) over the LANES work-items that share a row, given to all of them. `row` is the row's part of a
// local array, LANES floats. Every work-item of the group must call it.
#define REDUCE_ROW(name, combine)                                              \
    static inline float name(float x, __local float *row, int lane)            \
    {                                                                          \
        if (LANES == 1) {                                                      \
            return x;                                                          \
        }                                                                      \
        row[lane] = x;                                                         \
        for (int reach = LANES / 2; reach > 0; reach /= 2) {                   \
            barrier(CLK_LOCAL_MEM_FENCE);                                      \
            if (lane < reach) {                                                \
                const float a = row[lane];                                     \
                const float b = row[lane + reach];                             \
                row[lane] = combine;                                           \
            }                                                                  \
        }                                                                      \
        barrier(CLK_LOCAL_MEM_FENCE);                                          \
        const float total = row[0];                                            \
        barrier(CLK_LOCAL_MEM_FENCE); /* before the next use of `row` */       \
        return total;                                                          \
    }

REDUCE_ROW(sum_of_row, a + b)
REDUCE_ROW(max_of_row, fmax(a, b))
#endif
