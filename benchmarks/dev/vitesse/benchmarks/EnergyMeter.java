// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The processors' energy counters (RAPL), where Linux lets this user read them. */
final class EnergyMeter {
    private static final Path FOLDER = Path.of("/sys/class/powercap");
    private final List<Path> counters;
    private long microjoules;
    private long nanos;

    EnergyMeter() {
        this(FOLDER);
    }

    /** @param folder that holds a folder for each package, {@code intel-rapl:0}, with a file {@code energy_uj} */
    EnergyMeter(Path folder) {
        List<Path> found = new ArrayList<>();
        // Packages only: their parts (intel-rapl:0:0) are counted in them.
        try (DirectoryStream<Path> packages = Files.newDirectoryStream(folder, "intel-rapl:?")) {
            for (Path each : packages) {
                Path counter = each.resolve("energy_uj");
                if (Files.isReadable(counter)) {
                    found.add(counter);
                }
            }
        } catch (IOException e) {
            // No such counters here.
        }
        counters = List.copyOf(found);
    }

    void start() {
        microjoules = read();
        nanos = System.nanoTime();
    }

    /** Mean power since {@link #start}, in watts; null if there is no counter or it began anew meanwhile. */
    @Nullable Double stop() {
        long energy = read() - microjoules;
        double seconds = (System.nanoTime() - nanos) / 1e9;
        return counters.isEmpty() || energy <= 0 ? null : Double.valueOf(energy / 1e6 / seconds);
    }

    private long read() {
        long sum = 0;
        for (Path counter : counters) {
            try {
                sum += Long.parseLong(Files.readString(counter).strip());
            } catch (IOException | NumberFormatException e) {
                return 0;
            }
        }
        return sum;
    }
}
