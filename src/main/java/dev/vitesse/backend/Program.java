// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** A recorded sequence of {@link Kernels} calls that can be run any number of times, always on the same buffers. */
public interface Program extends AutoCloseable {
    /**
     * Runs the sequence once with what its tensors hold now. May return before the device is done;
     * {@link Tensor#read} waits.
     *
     * @throws DeviceException if the device fails
     */
    void run();

    /** Releases what belongs to the program alone (scratch, compiled code); its tensors stay. */
    @Override
    void close();
}
