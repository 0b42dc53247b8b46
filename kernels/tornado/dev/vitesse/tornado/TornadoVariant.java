// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * How a device is used.
 *
 * @param compact whether kernels are those of a CPU: products and attention of their own, and merged ones, so that few are
 *     compiled
 * @param library what computes products instead of our kernel, or null
 * @param captured whether a graph, once it has run, is launched as a whole, as a CUDA graph
 */
record TornadoVariant(boolean compact, @Nullable TornadoKernel library, boolean captured) {
    /** {@code cublas} or {@code cublas-tf32}; by default our own kernel. */
    static final String LIBRARY = "vitesse.tornado.library";

    /** {@code true} for CUDA graphs. */
    static final String GRAPHS = "vitesse.tornado.graphs";

    /** Without what only some devices have. */
    static TornadoVariant portable(boolean compact) {
        return new TornadoVariant(compact, null, false);
    }

    /**
     * What fits a device, and what the user asks for beside it: neither library nor CUDA graphs have run on a GPU yet, so no
     * device gets them by itself.
     *
     * @throws DeviceException if the device or TornadoVM has not got it, or the library is not known
     */
    static TornadoVariant of(TornadoTarget target) {
        String name = System.getProperty(LIBRARY, "");
        boolean captured = Boolean.getBoolean(GRAPHS);
        String library = switch (name) {
            case "" -> null;
            case "cublas" -> CublasProducts.NAME;
            case "cublas-tf32" -> CublasTf32Products.NAME;
            default -> throw new DeviceException(
                    "-D" + LIBRARY + "=" + name + " is not known; it can be cublas or cublas-tf32");
        };
        if ((library != null || captured) && target.language() != TornadoVMBackendType.CUDA) {
            throw new DeviceException("-D" + (captured ? GRAPHS + "=true" : LIBRARY + "=" + name)
                    + " needs a device of TornadoVM's CUDA driver, " + target.description() + " is not one");
        }
        if (library != null) {
            CublasProducts.check(target);
        }
        return new TornadoVariant(
                !target.isGpu(), library == null ? null : TornadoKernel.ofLibrary(library), captured);
    }
}
