// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.ArrayList;
import java.util.List;

/**
 * Lets TornadoVM generate the same source for a kernel in every process, so that drivers find it in the caches that they keep
 * on disk. TornadoVM 5.2.0 declares a kernel's variables in the order of a {@code HashMap}, whose keys are hashed by the
 * identity of their types: constants of an enum. Those are numbers that the JVM draws at random, unless it counts objects
 * ({@code -XX:hashCode=3}, which is one of the launcher's flags): then the constants get the same numbers every time if they
 * are the first to be asked for theirs when the count is a certain one.
 */
final class SteadySources {
    static final List<String> TYPES = List.of(
            "uk.ac.manchester.tornado.drivers.opencl.graal.lir.OCLKind",
            "uk.ac.manchester.tornado.drivers.cuda.graal.lir.CUDAKind",
            "uk.ac.manchester.tornado.drivers.ptx.graal.lir.PTXKind");

    /** More than a process counts before it comes here. */
    static final int START = 1 << 16;

    private SteadySources() {}

    /** Must be called before TornadoVM is started. Does nothing in a JVM without that flag. */
    static void prepare() {
        List<Object> constants = new ArrayList<>();
        for (String type : TYPES) {
            try {
                constants.addAll(List.of(Class.forName(type).getEnumConstants()));
            } catch (ClassNotFoundException e) {
                // a driver that this SDK does not have
            }
        }
        int count = System.identityHashCode(new Object());
        if (System.identityHashCode(new Object()) == count + 1) {
            do {
                count = System.identityHashCode(new Object());
            } while ((count + 1) % START != 0);
            for (Object constant : constants) {
                System.identityHashCode(constant);
            }
        }
    }
}
