// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Counts compilations and, under {@code --trace}, prints them. */
final class CompileLog {
    private final @Nullable Consumer<String> sink;
    private int kernels;
    private int plans;
    private long nanoseconds;

    CompileLog(@Nullable Consumer<String> sink) {
        this.sink = sink;
    }

    /** A graph ran for the first time, which compiled {@code count} of its tasks. */
    void compiled(String program, int count, List<String> tasks, long time) {
        kernels += count;
        nanoseconds += time;
        if (sink != null) {
            String names = tasks.stream().map(name -> name.substring(name.indexOf('.') + 1)).collect(Collectors.joining(" "));
            sink.accept("tornado: compiled " + count + " kernels of " + program + " and ran them first in "
                    + TornadoPlan.milliseconds(time) + ": " + names);
        }
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

    /** Time of the executions that compiled. */
    long nanoseconds() {
        return nanoseconds;
    }
}
