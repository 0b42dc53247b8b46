// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What NVIDIA's GPUs take, all of the machine's together, as their driver's {@code nvidia-smi} says it: many samples a
 * second, each of which is the driver's mean over a time that differs from GPU to GPU (up to a second). So it holds for
 * work that goes on for longer than a turn, as turns of one workload do, and is rough for others.
 */
final class GpuPowerMeter implements AutoCloseable {
    private static final List<String> COMMAND = List.of("nvidia-smi", "--query-gpu=index,power.draw",
            "--format=csv,noheader,nounits", "--loop-ms=50");

    private final @Nullable Process process;
    private double current;
    private double sum;
    private int samples;

    GpuPowerMeter() {
        this(COMMAND);
    }

    /** @param command writes {@code INDEX, WATTS} for each GPU, again and again */
    GpuPowerMeter(List<String> command) {
        process = start(command);
        if (process != null) {
            Thread.ofPlatform().daemon().name("gpu power").start(() -> read(process));
        }
    }

    private static @Nullable Process start(List<String> command) {
        try {
            return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
        } catch (IOException e) {
            return null; // no such program, so no such GPU
        }
    }

    private void read(Process source) {
        try (BufferedReader reader = source.inputReader(StandardCharsets.UTF_8)) {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] cells = line.split(",");
                if (cells.length == 2) {
                    add(Integer.parseInt(cells[0].strip()), Double.parseDouble(cells[1].strip()));
                }
            }
        } catch (IOException | NumberFormatException e) {
            // Closed, or a GPU that does not tell ("[N/A]").
        }
    }

    /** A sample is over when the next one begins, with the first GPU. */
    private synchronized void add(int index, double watts) {
        if (index == 0 && current > 0) {
            sum += current;
            samples++;
            current = 0;
        }
        current += watts;
    }

    synchronized void start() {
        sum = 0;
        samples = 0;
    }

    /** Mean power since {@link #start}, in watts; null if nobody told meanwhile. */
    synchronized @Nullable Double stop() {
        return samples == 0 ? null : Double.valueOf(sum / samples);
    }

    @Override
    public void close() {
        if (process != null) {
            process.destroy();
        }
    }
}
