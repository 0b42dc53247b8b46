// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The allocator; needs no device. */
class FreeSpaceTest {
    private record Taken(int start, int elements) {}

    @Test
    void allocationsNeverOverlapAndHolesAreUsedAgain() {
        SplittableRandom random = new SplittableRandom(1);
        FreeSpace space = new FreeSpace();
        List<Taken> taken = new ArrayList<>();
        for (int round = 0; round < 2000; round++) {
            if (taken.size() > 50 || !taken.isEmpty() && random.nextInt(3) == 0) {
                Taken old = taken.remove(random.nextInt(taken.size()));
                space.free(old.start(), old.elements());
            } else {
                int elements = random.nextInt(0, 200);
                taken.add(new Taken(space.allocate(elements), elements));
            }
            int end = 0;
            for (Taken t : taken.stream().filter(t -> t.elements() > 0).sorted(Comparator.comparingInt(Taken::start)).toList()) {
                assertThat(t.start()).isGreaterThanOrEqualTo(end);
                assertThat(t.start() % 16).isZero();
                end = t.start() + t.elements();
            }
            assertThat(space.end()).isGreaterThanOrEqualTo(end).isLessThan(51 * 216 * 2);
        }
        taken.forEach(t -> space.free(t.start(), t.elements()));
        assertThat(space.end()).isZero();
    }
}
