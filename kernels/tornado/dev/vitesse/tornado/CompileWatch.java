// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.List;
import java.util.function.ObjIntConsumer;
import java.util.function.Predicate;

/**
 * Tells which of a graph's kernels is being compiled. TornadoVM compiles them in order while it first executes the graph, and
 * tells nobody; but what it keeps their code in can be asked meanwhile.
 *
 * <p>They are compiled one after the other: a plan is one thread's, its code cannot be used by another plan, TornadoVM's code
 * generator is one {@code synchronized} method, and PoCL compiles for one thread at a time. What is left to overlap, code
 * generation for one kernel with the driver's work on another, would need a second plan that compiles everything again.
 */
final class CompileWatch implements AutoCloseable {
    private static final int POLL_MILLIS = 50;

    private final List<Segment.Task> tasks;
    private final Predicate<Segment.Task> compiled;
    private final ObjIntConsumer<String> progress;
    private final Thread thread;

    /**
     * @param tasks to be compiled, in order
     * @param compiled whether one is
     * @param progress told the kernel at work and how many are done
     */
    CompileWatch(List<Segment.Task> tasks, Predicate<Segment.Task> compiled, ObjIntConsumer<String> progress) {
        this.tasks = tasks;
        this.compiled = compiled;
        this.progress = progress;
        thread = Thread.ofPlatform().daemon().name("vitesse-compile-watch").start(this::watch);
    }

    private void watch() {
        try {
            int shown = -1;
            for (int done = 0; done < tasks.size(); done = done(done)) {
                if (done != shown) {
                    progress.accept(tasks.get(done).kernel().name(), done);
                    shown = done;
                }
                Thread.sleep(POLL_MILLIS);
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private int done(int before) {
        int done = before;
        while (done < tasks.size() && compiled.test(tasks.get(done))) {
            done++;
        }
        return done;
    }

    /** Ends the reports; afterwards none comes any more. */
    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
