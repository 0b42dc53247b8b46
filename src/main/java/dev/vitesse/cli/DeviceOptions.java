// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import picocli.CommandLine.Option;

/** The options of every command that computes. */
final class DeviceOptions {
    @Option(names = "--device", paramLabel = "DEVICE", defaultValue = "auto",
            description = "What to compute on: auto, cpu, opencl, opencl:1, tornado ...; 'vitesse devices' lists them."
                    + " Default: ${DEFAULT-VALUE}, the first usable GPU, else the CPU.")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N", defaultValue = "0",
            description = "Threads on the CPU. Default: one per processor.")
    private int threads;

    @Option(names = "--trace",
            description = "Print each operation's name, shapes and norm on stderr as it is executed (slow).")
    private boolean trace;

    /** Opens the device and says, on stderr, which one it is. */
    Backend open(Console console) {
        if (threads < 0) {
            throw CommandException.usage(
                    "--threads is " + threads + "; it must be at least 1, or 0 for one per processor");
        }
        BackendOptions options = BackendOptions.DEFAULTS.withThreads(threads).withMessages(console::message)
                .withCompilation(new CompileDisplay(console));
        if (trace) {
            options = options.withTrace(console.err()::println);
        }
        return Backends.open(device, options, console::message);
    }
}
