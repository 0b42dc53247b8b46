// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What can be asked of a backend when it is opened.
 *
 * @param threads worker threads of backends that compute on the CPU, the calling one included; 0 takes every processor
 * @param trace receives one line per executed operation (name, shapes, norms of the outputs), or null for no trace
 * @param messages receives a line before something that takes seconds, such as compiling
 * @param compilation told how far that has come
 */
public record BackendOptions(
        int threads, @Nullable Consumer<String> trace, Consumer<String> messages, CompileListener compilation) {
    public static final BackendOptions DEFAULTS =
            new BackendOptions(0, null, message -> {}, (program, done, count, kernel) -> {});

    public BackendOptions {
        if (threads < 0) {
            throw new IllegalArgumentException("threads must not be negative, got " + threads);
        }
    }

    public BackendOptions withThreads(int count) {
        return new BackendOptions(count, trace, messages, compilation);
    }

    public BackendOptions withTrace(Consumer<String> sink) {
        return new BackendOptions(threads, sink, messages, compilation);
    }

    public BackendOptions withMessages(Consumer<String> sink) {
        return new BackendOptions(threads, trace, sink, compilation);
    }

    public BackendOptions withCompilation(CompileListener listener) {
        return new BackendOptions(threads, trace, messages, listener);
    }

    /** {@link #threads}, with 0 replaced by the number of processors. */
    public int threadCount() {
        return threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
    }
}
