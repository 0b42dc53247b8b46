// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import java.util.Map;
import java.util.OptionalLong;

/** A workload on an opened device, ready to run. */
interface Job extends AutoCloseable {
    /** Runs once; the device may still be at it afterwards. */
    void run();

    /** Waits until the device is done. */
    void await();

    /** The time of a run by the device's own clock, in nanoseconds; empty where it has none or the job is more than that. */
    default OptionalLong deviceNanos() {
        return OptionalLong.empty();
    }

    /** Runs once with the inputs as they were given and returns what came out, as bits. */
    Map<String, int[]> answer();

    @Override
    void close();

    /** Inputs of a workload by name, as bits. */
    interface Inputs {
        int[] read(String name);
    }

    /** The job that {@code workload} is on {@code backend}. */
    static Job of(Workload workload, Backend backend, Inputs inputs) {
        return switch (workload.kind()) {
            case KERNEL -> new KernelJob(workload.kernel(), backend, inputs);
            case INFERENCE -> new InferenceJob(workload, backend, inputs);
            case TRAINING -> new TrainingJob(workload, backend, inputs);
        };
    }

    static float[] floats(int[] bits) {
        float[] values = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            values[i] = Float.intBitsToFloat(bits[i]);
        }
        return values;
    }

    static int[] bits(float... values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
