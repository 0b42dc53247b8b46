// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that share the items of one task after another. The calling thread takes part as worker 0.
 * Each begins with a share of its own, always the same part of all items, so that what one task left in a core's cache
 * is there for the next; who is done helps the others. The others spin for a moment after each task, because the next
 * usually follows within microseconds, and then park. Used by one caller at a time; allocates nothing while it runs.
 */
final class ThreadTeam implements AutoCloseable {
    /** Work that consists of independent items. */
    @FunctionalInterface
    interface Task {
        /**
         * @param item the item to do
         * @param worker who does it, below {@link #size}: at any time one item only has this number
         */
        void run(int item, int worker);
    }

    /** About 20 microseconds: longer than the gaps between operations, shorter than a scheduler's slice. */
    private static final int SPINS = 2000;
    /** Elements from one counter to the next: two cache lines, because processors fetch them in pairs. */
    private static final int APART = 32;

    private final Worker[] workers;
    /** How many items of each worker's share nobody has begun, at APART times its number. */
    private final AtomicIntegerArray unclaimed;
    private final AtomicInteger unfinished = new AtomicInteger();
    /** Counts tasks, for the workers to see that there is a new one. */
    private final AtomicInteger tasks = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private volatile boolean closed;
    // Published by the writes to unclaimed, and left alone until the last claimed item is finished.
    private @Nullable Task task;
    private int count;

    /**
     * @param size number of threads, the caller's included
     */
    ThreadTeam(int size) {
        workers = new Worker[size - 1];
        unclaimed = new AtomicIntegerArray(APART * size);
        for (int i = 0; i < workers.length; i++) {
            workers[i] = new Worker(i + 1);
            workers[i].start();
        }
    }

    /** Number of threads, the caller's included. */
    int size() {
        return workers.length + 1;
    }

    /**
     * Runs items 0 to {@code items - 1} of {@code work} and waits for all of them. An exception of an item is thrown
     * here once every item has ended; items that were not begun by then are skipped.
     */
    void run(int items, Task work) {
        if (workers.length == 0 || items == 1) {
            for (int i = 0; i < items; i++) {
                work.run(i, 0);
            }
            return;
        }
        if (items == 0) {
            return;
        }
        task = work;
        count = items;
        unfinished.set(items);
        for (int share = 0; share < size(); share++) {
            unclaimed.set(APART * share, end(share) - end(share - 1));
        }
        tasks.incrementAndGet();
        for (int i = 0; i < workers.length && i < items - 1; i++) {
            workers[i].wake();
        }
        claimItems(0);
        for (int spins = 0; unfinished.get() > 0; spins++) {
            if (spins < SPINS) {
                Thread.onSpinWait();
            } else {
                Thread.yield();
            }
        }
        task = null;
        Throwable thrown = failure.getAndSet(null);
        if (thrown != null) {
            rethrow(thrown);
        }
    }

    private static void rethrow(Throwable thrown) {
        switch (thrown) {
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(thrown);
        }
    }

    /** The first item behind a worker's share: items are divided evenly, and a single one is the caller's. */
    private int end(int share) {
        return Math.toIntExact(Math.ceilDiv((long) count * (share + 1), size()));
    }

    /** Does what is left of the worker's own share, then of the others'. */
    private void claimItems(int worker) {
        int done = 0;
        for (int i = 0; i < size(); i++) {
            int share = (worker + i) % size();
            for (int left = unclaimed.get(APART * share); left > 0; left = unclaimed.get(APART * share)) {
                // Success proves that the task is still under way, so that task and count belong to this item.
                if (unclaimed.compareAndSet(APART * share, left, left - 1)) {
                    done++;
                    runItem(end(share) - left, worker);
                }
            }
        }
        if (done > 0) {
            unfinished.addAndGet(-done);
        }
    }

    private void runItem(int item, int worker) {
        try {
            if (failure.get() == null) {
                task.run(item, worker);
            }
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }

    /** Ends the threads. */
    @Override
    public void close() {
        closed = true;
        for (Worker worker : workers) {
            LockSupport.unpark(worker);
        }
        for (Worker worker : workers) {
            try {
                worker.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private final class Worker extends Thread {
        private final int number;
        private final AtomicBoolean parked = new AtomicBoolean();
        /** The last task that it knows of. */
        private int seen;

        Worker(int number) {
            super("vitesse-cpu-" + number);
            this.number = number;
            setDaemon(true);
        }

        void wake() {
            if (parked.get() && parked.compareAndSet(true, false)) {
                LockSupport.unpark(this);
            }
        }

        @Override
        public void run() {
            int spins = 0;
            while (!closed) {
                if (tasks.get() != seen) {
                    seen = tasks.get();
                    claimItems(number);
                    spins = 0;
                } else if (++spins < SPINS) {
                    Thread.onSpinWait();
                } else {
                    pause();
                    spins = 0;
                }
            }
        }

        /** Parks until woken. The flag is set before the last look, so that no call is missed. */
        private void pause() {
            parked.set(true);
            while (parked.get() && !closed) {
                if (tasks.get() != seen) {
                    parked.set(false);
                } else {
                    LockSupport.park(ThreadTeam.this);
                }
            }
        }
    }
}
