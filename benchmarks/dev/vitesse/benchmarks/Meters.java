// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import org.jspecify.annotations.Nullable;

/** What tells how much power the machine takes, as far as there is something. */
final class Meters implements AutoCloseable {
    private final EnergyMeter processor;
    private final GpuPowerMeter gpu;

    /**
     * Mean power, in watts; null where it cannot be read.
     *
     * @param watts of the processors
     * @param gpuWatts of the GPUs
     */
    record Power(@Nullable Double watts, @Nullable Double gpuWatts) {}

    Meters(EnergyMeter processor, GpuPowerMeter gpu) {
        this.processor = processor;
        this.gpu = gpu;
    }

    /** Those of this machine. */
    static Meters ofThisMachine() {
        return new Meters(new EnergyMeter(), new GpuPowerMeter());
    }

    void start() {
        processor.start();
        gpu.start();
    }

    /** Mean power since {@link #start}. */
    Power stop() {
        return new Power(processor.stop(), gpu.stop());
    }

    @Override
    public void close() {
        gpu.close();
    }
}
