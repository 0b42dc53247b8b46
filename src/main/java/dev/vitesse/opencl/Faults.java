// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import org.jocl.CL;

/**
 * Makes OpenCL calls fail without calling OpenCL, so that the handling of failures can be tested: the status that the
 * call of that name is to return.
 */
@FunctionalInterface
interface Faults {
    Faults NONE = call -> CL.CL_SUCCESS;

    int statusOf(String call);
}
