// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EnergyMeterTest {
    @TempDir
    private Path folder;

    private void count(String name, long microjoules) throws IOException {
        Files.createDirectories(folder.resolve(name));
        Files.writeString(folder.resolve(name).resolve("energy_uj"), microjoules + "\n");
    }

    @Test
    void powerIsEnergyOverTimeOfAllPackages() throws IOException {
        count("intel-rapl:0", 1_000_000);
        count("intel-rapl:1", 2_000_000);
        count("intel-rapl:0:0", 7);
        EnergyMeter meter = new EnergyMeter(folder);
        long start = System.nanoTime();
        meter.start();
        count("intel-rapl:0", 3_000_000);
        count("intel-rapl:1", 5_000_000);
        count("intel-rapl:0:0", 1_000_000_000);
        Double watts = meter.stop();
        double seconds = (System.nanoTime() - start) / 1e9;
        assertThat(watts).isGreaterThanOrEqualTo(5 / seconds);
    }

    @Test
    void withoutCountersThereIsNoPower() throws IOException {
        EnergyMeter none = new EnergyMeter(folder.resolve("missing"));
        none.start();
        assertThat(none.stop()).isNull();
        count("intel-rapl:0", 900);
        EnergyMeter wrapped = new EnergyMeter(folder);
        wrapped.start();
        count("intel-rapl:0", 100);
        assertThat(wrapped.stop()).isNull();
    }
}
