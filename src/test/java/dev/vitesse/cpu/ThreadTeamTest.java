// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class ThreadTeamTest {
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8})
    void everyItemIsDoneOnceBeforeRunReturns(int size) {
        try (ThreadTeam team = new ThreadTeam(size)) {
            for (int round = 0; round < 2000; round++) {
                int items = round % 37;
                AtomicIntegerArray done = new AtomicIntegerArray(Math.max(1, items));
                team.run(items, (item, worker) -> {
                    assertThat(worker).isBetween(0, size - 1);
                    done.incrementAndGet(item);
                });
                for (int item = 0; item < items; item++) {
                    assertThat(done.get(item)).isEqualTo(1);
                }
            }
        }
    }

    @Test
    void parkedThreadsAreWoken() throws InterruptedException {
        try (ThreadTeam team = new ThreadTeam(2)) {
            for (int round = 0; round < 20; round++) {
                Thread.sleep(3);
                Set<Integer> workers = ConcurrentHashMap.newKeySet();
                // The caller's item waits for the other thread's.
                team.run(2, (item, worker) -> {
                    workers.add(worker);
                    while (workers.size() < 2) {
                        Thread.onSpinWait();
                    }
                });
                assertThat(workers).containsExactlyInAnyOrder(0, 1);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void exceptionsReachTheCallerAndTheTeamGoesOn(int size) {
        try (ThreadTeam team = new ThreadTeam(size)) {
            assertThatThrownBy(() -> team.run(50, (item, worker) -> {
                if (item == 20) {
                    throw new ArithmeticException("item 20");
                }
            })).isInstanceOf(ArithmeticException.class).hasMessage("item 20");
            AtomicInteger done = new AtomicInteger();
            team.run(50, (item, worker) -> done.incrementAndGet());
            assertThat(done.get()).isEqualTo(50);
        }
    }

    @Test
    void closeEndsTheThreads() {
        ThreadTeam team = new ThreadTeam(4);
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        team.run(100, (item, worker) -> threads.add(Thread.currentThread()));
        team.close();
        threads.remove(Thread.currentThread());
        assertThat(threads).noneMatch(Thread::isAlive);
    }
}
