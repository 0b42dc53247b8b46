// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * One opened device. Not safe for use by several threads at once; several backends may be open side by side.
 *
 * <p>Programs that share tensors (training and evaluation of one model) are best all recorded before the first of them
 * is compiled or runs: TornadoVM keeps shared buffers on the device only within one plan.
 */
public interface Backend extends AutoCloseable {
    /** The device as the user names it and what it is: {@code cpu (2 threads, 256-bit vectors)}. */
    String name();

    /**
     * A new tensor filled with zero bytes.
     *
     * @throws DeviceException if the device lacks the memory; the message gives bytes asked and available
     */
    Tensor tensor(String name, ElementType type, int... shape);

    /** A new float32 tensor filled with zeros. */
    default Tensor tensor(String name, int... shape) {
        return tensor(name, ElementType.FLOAT32, shape);
    }

    /**
     * Records the calls that {@code body} makes. Nothing is computed before {@link Program#run}; arguments are checked
     * while recording.
     *
     * @param name what traces and messages call the program
     * @throws IllegalArgumentException if a call's shapes do not fit together
     */
    Program record(String name, Consumer<Kernels> body);

    /**
     * Bytes of device memory that a program of these calls holds for intermediate values, besides its tensors; 0 if the
     * backend does not tell. Allocates nothing: {@code body} may use tensors of a {@link MemoryPlan}.
     */
    default long scratchBytes(Consumer<Kernels> body) {
        return 0;
    }

    /** Bytes that all tensors and programs may take together at most; empty if the backend does not tell. */
    default OptionalLong memoryBytes() {
        return OptionalLong.empty();
    }

    /** Releases every tensor and program of this backend. */
    @Override
    void close();
}
