// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.List;
import java.util.Map;

/** What the part of this backend that is compiled against TornadoVM offers to the part that is not. */
public interface TornadoAccess {
    /** The devices of every driver that TornadoVM has loaded, best first, and never none. */
    List<DeviceInfo> devices();

    /**
     * Opens a device.
     *
     * @param selector a number from {@link #devices}, a driver's name ({@code cuda}, {@code opencl}, {@code ptx}) for its
     *     best device, or empty for the best of all
     * @throws DeviceException if there is no such device or it cannot be used
     */
    Backend open(String selector, BackendOptions options);

    /**
     * The source that TornadoVM generated for each kernel that {@code backend} has compiled, by a name that can be a
     * file's, with the ending that the language has ({@code .cl}, {@code .cu}, {@code .ptx}).
     *
     * @throws IllegalArgumentException if {@code backend} is not one of TornadoVM's
     */
    Map<String, String> kernelSources(Backend backend);

    /**
     * How fast the code that TornadoVM generates multiplies and adds at best, which benchmarks compare kernels with. Takes
     * about a second.
     *
     * @param selector as {@link #open} takes it
     * @return FLOPs per nanosecond
     * @throws DeviceException if there is no such device or it fails
     */
    double gigaflops(String selector);

    /**
     * The part compiled against TornadoVM.
     *
     * @throws DeviceException if it is not in this build or TornadoVM is not running; the message says what to do
     */
    static TornadoAccess load() {
        return TornadoBackendProvider.access();
    }
}
