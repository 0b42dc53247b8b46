// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import java.util.concurrent.CountDownLatch;

/**
 * While open, lets a job end in order when the process is told to (Ctrl-C, SIGTERM, a closed terminal): the JVM's exit
 * waits until the job has seen the request, saved, and closed this. The JVM then exits with the signal's code.
 */
final class StopOnSignal implements AutoCloseable {
    private final CountDownLatch closed = new CountDownLatch(1);
    private final Thread hook;
    private volatile boolean requested;

    /** @param requestStop asks the job to end soon; called on another thread than the job's */
    StopOnSignal(Runnable requestStop) {
        hook = new Thread(() -> {
            requested = true;
            requestStop.run();
            awaitClose();
        }, "stop");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void awaitClose() {
        try {
            closed.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        closed.countDown();
        if (!requested) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The exit began just now; the hook will not wait.
            }
        }
    }
}
