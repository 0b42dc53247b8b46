// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

/**
 * One launch of a kernel with its grid.
 *
 * @param parameters in the order in which the kernel reads them, at most {@link #SLOT}
 * @param groupsX work-groups along x, of the kernel's local size; likewise y and z
 */
record Launch(TornadoKernel kernel, int[] parameters, int groupsX, int groupsY, int groupsZ) {
    /** Parameters reserved for each launch. */
    static final int SLOT = 24;

    /** The parameter, if there is one, that says which operation of a kernel of several is wanted. */
    static final int OPERATION = SLOT - 1;

    /** What every device takes along y and z. */
    private static final int MOST_GROUPS = 65_535;

    Launch {
        if (parameters.length > SLOT) {
            throw new IllegalStateException(kernel.name() + " has " + parameters.length + " parameters");
        }
        if (groupsX < 1 || groupsY < 1 || groupsZ < 1 || groupsY > MOST_GROUPS || groupsZ > MOST_GROUPS
                || (long) groupsX * kernel.localX() > Integer.MAX_VALUE) {
            throw new IllegalArgumentException("the tensors are too large for " + kernel.name() + ": it would need "
                    + groupsX + " x " + groupsY + " x " + groupsZ + " work-groups");
        }
    }
}
