// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.CompileListener;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Counts compilations, executions and transfers and, under {@code --trace}, prints them. */
final class CompileLog {
    private final @Nullable Consumer<String> sink;
    private final Consumer<String> messages;
    private final CompileListener listener;
    private String program = "";
    private int programKernels;
    private int programDone;
    private int kernels;
    private int plans;
    private int executions;
    private long launches;
    private long nanoseconds;
    private long bytesUp;
    private long bytesDown;

    /** @param options its trace gets everything, its messages what takes seconds */
    CompileLog(BackendOptions options) {
        sink = options.trace();
        messages = options.messages();
        listener = options.compilation();
    }

    /** So many kernels of {@code programName} are going to be compiled, one after the other. */
    void compiling(String programName, int count, String device) {
        program = programName;
        programKernels = count;
        programDone = 0;
        messages.accept("compiling " + count + (count == 1 ? " kernel" : " kernels") + " of " + program + " for " + device);
    }

    /** The next of them is begun. */
    void compiling(String kernel) {
        listener.compiling(program, programDone, programKernels, kernel);
    }

    /** That one is ready, after so long. */
    void compiled(String task, long time) {
        kernels++;
        nanoseconds += time;
        programDone++;
        if (sink != null) {
            sink.accept("tornado: " + task + " of " + program + " was ready after " + TornadoPlan.milliseconds(time));
        }
    }

    /** All are ready, or one has failed. */
    void compilingEnded() {
        listener.compiling(program, programDone, programKernels, "");
    }

    /** A program ran. */
    void ran(String name, List<Segment> segments) {
        executions += segments.size();
        int kernelCount = segments.stream().mapToInt(s -> s.launches().size()).sum();
        launches += kernelCount;
        if (sink != null) {
            sink.accept("tornado: " + name + " ran " + kernelCount + " kernels in " + segments.size()
                    + (segments.size() == 1 ? " execution" : " executions"));
        }
    }

    /** So many bytes of tensors went to the device. */
    void uploaded(long bytes) {
        bytesUp += bytes;
    }

    /** So many bytes came back. */
    void downloaded(long bytes) {
        bytesDown += bytes;
    }

    /** What TornadoVM says about the compilation of one task. */
    void profiled(String task, long graalNanoseconds, long driverNanoseconds) {
        if (sink != null && graalNanoseconds + driverNanoseconds > 0) {
            sink.accept("tornado: compiled " + task + " in " + TornadoPlan.milliseconds(graalNanoseconds) + " by TornadoVM and "
                    + TornadoPlan.milliseconds(driverNanoseconds) + " by the driver");
        }
    }

    /** The sums, when the device is closed. A kernel that did not run there would have been an error. */
    void closed(String device) {
        if (sink != null) {
            sink.accept("tornado: all on " + device + ": " + kernels + " kernels compiled in "
                    + TornadoPlan.milliseconds(nanoseconds) + ", " + plans + " plans, " + executions + " executions of programs, "
                    + launches + " launches, " + bytesUp + " bytes of tensors up, " + bytesDown + " down; nothing ran elsewhere");
        }
    }

    /** Executions of programs' graphs so far. */
    int executions() {
        return executions;
    }

    void planned(int graphs, String reason) {
        plans++;
        if (sink != null) {
            sink.accept("tornado: plan " + plans + " with " + graphs + " graphs, " + reason);
        }
    }

    /** Kernels compiled so far, for all plans. */
    int kernels() {
        return kernels;
    }

    /** Plans built so far. */
    int plans() {
        return plans;
    }

    /** How long compiling took, for all plans. */
    long nanoseconds() {
        return nanoseconds;
    }
}
