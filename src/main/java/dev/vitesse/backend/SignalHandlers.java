// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Puts the JVM's signal handlers back after a native library has been loaded. The JVM needs SIGSEGV for its own work
 * (null checks, safepoints); LLVM, on which PoCL and other OpenCL drivers are built, takes it over while it starts, for a
 * handler that works once: when two threads get a signal at the same time, the process dies without a word. LLVM does so
 * only once in a process, so it is enough to guard what loads it:
 *
 * <pre>
 * try (SignalHandlers handlers = SignalHandlers.keep()) {
 *     listDevices();
 * }
 * </pre>
 *
 * Elsewhere than on POSIX systems it does nothing. The JVM's own means, the library {@code libjsig}, must be preloaded
 * by whoever starts the JVM, which a library cannot ask of its users.
 */
public final class SignalHandlers implements AutoCloseable {
    /** The signals of POSIX systems; those after them are the C library's. */
    private static final int SIGNALS = 31;
    /** More than {@code struct sigaction} has anywhere (glibc: 152). */
    private static final int BYTES = 256;

    private static final Optional<MethodHandle> SIGACTION = find();

    private final Arena arena = Arena.ofConfined();
    private final MemorySegment[] kept = new MemorySegment[SIGNALS + 1];

    private SignalHandlers() {}

    /** Notes the handlers in place; {@link #close} restores those that others have replaced by then. */
    public static SignalHandlers keep() {
        SignalHandlers handlers = new SignalHandlers();
        for (int signal = 1; signal <= SIGNALS; signal++) {
            handlers.kept[signal] = current(signal, handlers.arena);
        }
        return handlers;
    }

    @Override
    public void close() {
        try (arena) {
            for (int signal = 1; signal <= SIGNALS; signal++) {
                if (current(signal, arena).mismatch(kept[signal]) >= 0) {
                    call(signal, kept[signal], MemorySegment.NULL);
                }
            }
        }
    }

    /** The {@code struct sigaction} of {@code signal}, all zeros if there is none. */
    static MemorySegment current(int signal, Arena arena) {
        MemorySegment action = arena.allocate(BYTES, Long.BYTES);
        call(signal, MemorySegment.NULL, action);
        return action;
    }

    /** {@code sigaction(signal, action, old)}; it refuses numbers that are no signal, which is as well. */
    private static void call(int signal, MemorySegment action, MemorySegment old) {
        if (SIGACTION.isPresent()) {
            try {
                int ignored = (int) SIGACTION.get().invokeExact(signal, action, old);
            } catch (Throwable e) {
                throw new IllegalStateException("sigaction", e);
            }
        }
    }

    private static Optional<MethodHandle> find() {
        Linker linker = Linker.nativeLinker();
        return linker.defaultLookup().find("sigaction").map(address -> linker.downcallHandle(
                address,
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS)));
    }
}
