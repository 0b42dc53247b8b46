// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A stretch of a program that one task graph runs in one execution.
 *
 * <p>Launches of a kernel with the same grid are the same task of TornadoVM, given several times with parameters of its
 * own: it is compiled once, so that a Transformer of any depth costs what one block does. A second grid of the same
 * kernel needs a task, and code, of its own.
 *
 * @param pattern the tasks, one for each launch
 * @param launches in order
 */
record Segment(List<Task> pattern, List<Launch> launches) {
    /**
     * TornadoVM 5.2.0 has three limits for a graph, none of which a property raises: 256 launches; 8192 bytes of code before
     * compilation, of which a launch takes 15 and each of its arguments 5; and 1024 nodes. About 130 launches of these
     * kernels fill them. {@code tornado.tvm.maxbytecodesize} is the size of another buffer, behind these.
     */
    static final int LONGEST = 120;

    /**
     * A kernel with one of its grids, whatever that is.
     *
     * @param grid which of the kernel's grids it is
     */
    record Task(TornadoKernel kernel, int grid) {
        /** Tasks of one name share their code in a plan. */
        String name() {
            return kernel.name() + "_" + grid;
        }
    }

    /**
     * Cuts a program into as few segments of about the same length as the limits allow.
     *
     * @param captured what numbers the grids of all programs, whose graphs then run with one grid each; null if their graphs
     *     may run with any
     */
    static List<Segment> split(List<Launch> launches, @Nullable GridNumbers captured) {
        List<Segment> segments = new ArrayList<>();
        int count = Math.ceilDiv(launches.size(), LONGEST);
        for (int i = 0; i < count; i++) {
            GridNumbers grids = captured == null ? new GridNumbers() : captured;
            segments.add(of(launches.subList(i * launches.size() / count, (i + 1) * launches.size() / count), grids));
        }
        return segments;
    }

    private static Segment of(List<Launch> launches, GridNumbers grids) {
        return new Segment(
                launches.stream().map(launch -> new Task(launch.kernel(), grids.of(launch))).toList(), List.copyOf(launches));
    }

    /** The tasks that have to be compiled for a pattern, in the order of their first launch. */
    static List<Task> compilations(List<Task> pattern) {
        return pattern.stream().filter(task -> task.kernel().library() == null).distinct().toList();
    }
}
