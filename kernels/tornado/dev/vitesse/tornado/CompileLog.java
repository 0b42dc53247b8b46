// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.List;
import java.util.function.Consumer;
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

    /** The first run of a graph, which took so long, compiled {@code tasks}. */
    void compiled(String program, List<String> tasks, long time) {
        kernels += tasks.size();
        nanoseconds += time;
        if (sink != null) {
            sink.accept("tornado: compiled " + tasks.size() + " kernels of " + program + " and ran them first in "
                    + TornadoPlan.milliseconds(time) + ": " + String.join(" ", tasks));
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
