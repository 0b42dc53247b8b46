// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The readers' promise on every seed and on random changes of them: a short version of the profile {@code fuzz}. */
class ReadersTest {
    private static final int CHANGES = 800;

    @TempDir
    Path folder;

    @ParameterizedTest
    @EnumSource
    void takeSoundFiles(Reader reader) {
        List<byte[]> seeds = Seeds.of(reader);
        assertThat(seeds).isNotEmpty();
        seeds.forEach(seed -> reader.check(folder.resolve("input"), seed));
    }

    @ParameterizedTest
    @EnumSource
    void refuseDamagedFiles(Reader reader) {
        List<byte[]> seeds = Seeds.of(reader);
        Random random = new Random(11);
        for (int i = 0; i < CHANGES; i++) {
            byte[] input = seeds.get(random.nextInt(seeds.size())).clone();
            int bytes = Math.max(1, Math.min(input.length, i % 3 == 0 ? input.length : 512));
            for (int change = random.nextInt(4); change >= 0 && input.length > 0; change--) {
                input[random.nextInt(bytes)] = (byte) (random.nextBoolean() ? random.nextInt() : 0xff);
            }
            reader.check(folder.resolve("input"), i % 5 == 0 ? Arrays.copyOf(input, random.nextInt(bytes + 1)) : input);
        }
    }
}
