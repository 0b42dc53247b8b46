// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.OptionalLong;

/** A recorded sequence of {@link Kernels} calls that can be run any number of times, always on the same buffers. */
public interface Program extends AutoCloseable {
    /**
     * Compiles what {@link #run} needs, where that is not done while recording, so that the first run takes no longer than
     * the others. Without it the first run begins with this. Changes no tensor.
     *
     * @throws DeviceException if the device's compiler fails; the message names the kernel
     */
    default void compile() {}

    /**
     * Runs the sequence once with what its tensors hold now. May return before the device is done;
     * {@link Tensor#read} waits.
     *
     * @throws DeviceException if the device fails
     */
    void run();

    /**
     * Runs the sequence once, waits for it, and tells how long the device computed by its own clock: without transfers,
     * and without the time in which it waited for this process.
     *
     * @return nanoseconds; empty where the device does not measure itself
     * @throws DeviceException if the device fails
     */
    default OptionalLong runTimed() {
        run();
        return OptionalLong.empty();
    }

    /** Releases what belongs to the program alone (scratch, compiled code); its tensors stay. */
    @Override
    void close();
}
