// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Program;
import java.util.List;

/** Launches in segments, each of which one task graph of the plan runs. */
final class TornadoProgram implements Program {
    private final TornadoBackend backend;
    private final String name;
    private final Recording recording;
    private final List<Segment> segments;
    private final List<List<Segment.Task>> patterns;
    private boolean closed;

    TornadoProgram(TornadoBackend backend, String name, Recording recording) {
        this.backend = backend;
        this.name = name;
        this.recording = recording;
        segments = Segment.split(recording.launches(), backend.capturedGrids());
        patterns = segments.stream().map(Segment::pattern).distinct().toList();
    }

    /** Those of its segments, each once. */
    List<List<Segment.Task>> patterns() {
        return patterns;
    }

    List<Segment> segments() {
        return segments;
    }

    @Override
    public void compile() {
        readyPlan();
    }

    /** A plan that has this program's kernels. */
    private TornadoPlan readyPlan() {
        if (closed) {
            throw new IllegalStateException("program " + name + " has been closed");
        }
        recording.allocations().forEach(Allocation::checkOpen);
        TornadoPlan plan = backend.plan(patterns);
        plan.compile(name, segments);
        return plan;
    }

    @Override
    public void run() {
        TornadoPlan plan = readyPlan();
        for (Segment segment : segments) {
            plan.run(name, segment);
        }
        backend.log().ran(name, segments);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            recording.release();
            backend.forget(this);
        }
    }
}
