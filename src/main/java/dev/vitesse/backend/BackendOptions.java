// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.function.Consumer;

/**
 * What can be asked of a backend when it is opened.
 *
 * @param threads worker threads of backends that compute on the CPU, the calling one included; 0 takes every processor
 * @param trace receives one line per executed operation (name, shapes, norms of the outputs), or null for no trace
 */
public record BackendOptions(int threads, @org.jspecify.annotations.Nullable Consumer<String> trace) {
    public static final BackendOptions DEFAULTS = new BackendOptions(0, null);

    public BackendOptions {
        if (threads < 0) {
            throw new IllegalArgumentException("threads must not be negative, got " + threads);
        }
    }

    public BackendOptions withThreads(int count) {
        return new BackendOptions(count, trace);
    }

    public BackendOptions withTrace(Consumer<String> sink) {
        return new BackendOptions(threads, sink);
    }

    /** {@link #threads}, with 0 replaced by the number of processors. */
    public int threadCount() {
        return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    }
}
