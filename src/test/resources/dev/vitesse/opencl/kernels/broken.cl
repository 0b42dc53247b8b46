// SPDX-License-Identifier: Apache-2.0
// Does not compile: OpenClFailureTest.
__kernel void broken(__global float *x)
{
    x[0] = undeclared_name;
}
