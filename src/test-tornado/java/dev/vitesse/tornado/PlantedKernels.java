// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.List;
import java.util.Map;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Kernels with one mistake each, which the sanitizer must find. One group of {@link #GROUP} work-items; x [GROUP]. */
final class PlantedKernels {
    static final int GROUP = 64;

    /** What the report on each, by the method's name, must say. */
    static final Map<String, String> REPORTS = Map.of(
            "missingBarrier", "data race",
            "arrayOfAnotherMethod", "Invalid write of size 4",
            "uninitializedRead", "Uninitialized value",
            "pastTheEnd", "Invalid write of size 4");

    private static final List<TornadoKernel> KERNELS = List.of(
            new TornadoKernel("missingBarrier", "missingBarrier", GROUP, 1, (id, a) -> TaskPackage.createPackage(
                    id, PlantedKernels::missingBarrier, a.context(), a.floats(), a.parameters(), a.slot())),
            new TornadoKernel("arrayOfAnotherMethod", "arrayOfAnotherMethod", GROUP, 1, (id, a) -> TaskPackage.createPackage(
                    id, PlantedKernels::arrayOfAnotherMethod, a.context(), a.floats(), a.parameters(), a.slot())),
            new TornadoKernel("uninitializedRead", "uninitializedRead", GROUP, 1, (id, a) -> TaskPackage.createPackage(
                    id, PlantedKernels::uninitializedRead, a.context(), a.floats(), a.parameters(), a.slot())),
            new TornadoKernel("pastTheEnd", "pastTheEnd", GROUP, 1, (id, a) -> TaskPackage.createPackage(
                    id, PlantedKernels::pastTheEnd, a.context(), a.floats(), a.parameters(), a.slot())));

    private PlantedKernels() {}

    /** A program that launches all of them. */
    static Program record(Backend backend) {
        Tensor x = backend.tensor("x", GROUP);
        return backend.record("planted", k -> {
            Recording recording = ((TaskRecorder) k).recording();
            KERNELS.forEach(kernel -> recording.launch(kernel, 1, 1, 1, recording.at(x)));
        });
    }

    /** Reads what neighbours write, with nothing that makes them wait for it. */
    static void missingBarrier(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] shared = context.allocateFloatLocalArray(GROUP);
        int lane = context.localIdx;
        int x = p.get(slot.get(0));
        shared[lane] = floats.get(x + lane);
        floats.set(x + lane, shared[(lane + 1) % GROUP]);
    }

    /** TornadoVM 5.2.0 addresses an array that a method is given wrongly. */
    static void arrayOfAnotherMethod(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] shared = context.allocateFloatLocalArray(GROUP);
        int lane = context.localIdx;
        int x = p.get(slot.get(0));
        float neighbour = exchanged(context, shared, lane, floats.get(x + lane));
        floats.set(x + lane, neighbour);
    }

    private static float exchanged(KernelContext context, float[] shared, int lane, float value) {
        shared[lane] = value;
        context.localBarrier();
        return shared[(lane + 1) % GROUP];
    }

    /** One element of the local array is read although nobody wrote it. */
    static void uninitializedRead(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] shared = context.allocateFloatLocalArray(GROUP);
        int lane = context.localIdx;
        int x = p.get(slot.get(0));
        if (lane > 0) {
            shared[lane] = floats.get(x + lane);
        }
        context.localBarrier();
        floats.set(x + lane, shared[lane]);
    }

    /** Writes one element past the local array. */
    static void pastTheEnd(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        float[] shared = context.allocateFloatLocalArray(GROUP);
        int lane = context.localIdx;
        int x = p.get(slot.get(0));
        shared[lane + 1] = floats.get(x + lane);
        context.localBarrier();
        floats.set(x + lane, shared[1]);
    }
}
