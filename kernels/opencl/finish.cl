// SPDX-License-Identifier: Apache-2.0
// What linear.cl leaves to do where it computes K in parts, or an activation that is not fused. Bound by memory.
#include "common.cl"

typedef vfloat efloat;
#include "activation.cl"

// y = epilogue(sum of the parts + bias), elementwise: one work-item per vector.
//   parts [splits, count], of which the first may be y; y and other [count], bias [width]; count and width in vectors
__kernel void finish(
    OUT(vfloat, y), IN(vfloat, parts), IN(vfloat, bias), OUT(vfloat, other), const int has_bias, const int has_other,
    const int epilogue, const int activation, const int splits, const uint count, const uint width)
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
    if (has_bias) {
        z += bias[i % width];
    }
    if (epilogue == ADD) {
        y[i] = has_other ? other[i] + z : z;
    } else if (epilogue == ACTIVATE) {
        if (has_other) {
            other[i] = z;
        }
        y[i] = activate(activation, z);
    } else {
        y[i] = z * activation_derivative(activation, other[i]);
    }
}
