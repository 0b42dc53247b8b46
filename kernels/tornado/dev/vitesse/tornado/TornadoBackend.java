// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.Collection;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One device of TornadoVM. Programs are lists of launches; a plan holds one task graph for each pattern of kernels that
 * occurs in them, and is built when the first program is compiled or runs. A program recorded later runs in the same plan if
 * it has no new pattern; else everything is brought to the host, and a new plan is built and compiled.
 */
public final class TornadoBackend implements Backend {
    private final TornadoTarget target;
    private final String id;
    private final TornadoVariant variant;
    private final @Nullable GridNumbers capturedGrids;
    private final DeviceMemory memory;
    private final CompileLog log;
    private final Set<List<Segment.Task>> patterns = new LinkedHashSet<>();
    private final Set<TornadoProgram> programs = Collections.newSetFromMap(new IdentityHashMap<>());

    private TornadoBackend(TornadoTarget target, String id, BackendOptions options, TornadoVariant variant) {
        this.target = target;
        this.id = id;
        this.variant = variant;
        capturedGrids = variant.captured() ? new GridNumbers() : null;
        memory = new DeviceMemory(target.description(), target.mostBytes());
        log = new CompileLog(options);
    }

    /**
     * Opens a device and makes sure that it compiles and computes.
     *
     * @throws DeviceException if it does not
     */
    static TornadoBackend open(TornadoTarget target, String id, BackendOptions options, TornadoVariant variant) {
        TornadoBackend backend = new TornadoBackend(target, id, options, variant);
        try {
            backend.plan(List.of()); // which checks what the device computes
            backend.memory.detach();
        } catch (RuntimeException e) {
            backend.close();
            throw e;
        }
        return backend;
    }

    @Override
    public String name() {
        return id + " (" + target.description() + ")";
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        return TornadoTensor.create(memory, name, type, shape);
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        Recording recording = new Recording(memory, target.computeUnits(), variant);
        try {
            body.accept(new TaskRecorder(recording));
            recording.finish();
        } catch (RuntimeException e) {
            recording.release();
            throw e;
        }
        TornadoProgram program = new TornadoProgram(this, name, recording);
        programs.add(program);
        return program;
    }

    void forget(TornadoProgram program) {
        programs.remove(program);
    }

    /** The plan, built anew if it lacks one of {@code wanted}. */
    TornadoPlan plan(Collection<List<Segment.Task>> wanted) {
        TornadoPlan plan = memory.plan();
        if (plan != null && wanted.stream().allMatch(plan::has)) {
            return plan;
        }
        long begin = System.nanoTime();
        programs.forEach(program -> patterns.addAll(program.patterns()));
        memory.detach();
        memory.trim();
        TornadoPlan built;
        try {
            built = new TornadoPlan(target, log, memory, patterns, variant.captured());
        } catch (RuntimeException | Error e) {
            patterns.removeAll(Set.copyOf(wanted)); // so that other programs still get a plan
            throw target.failure("plan", e);
        }
        memory.attach(built);
        log.planned(patterns.size(), "built in " + TornadoPlan.milliseconds(System.nanoTime() - begin));
        return built;
    }

    /** What numbers the grids of all programs, or null if each graph does for itself. */
    @Nullable GridNumbers capturedGrids() {
        return capturedGrids;
    }

    /** The device. */
    TornadoTarget target() {
        return target;
    }

    /** Counts of compilations, for tests and reports. */
    CompileLog log() {
        return log;
    }

    /** The generated source of every kernel compiled so far, by file name. */
    Map<String, String> kernelSources() {
        Map<String, String> files = new LinkedHashMap<>();
        TornadoPlan plan = memory.plan();
        if (plan != null) {
            plan.sources().forEach((kernel, source) -> files.put(kernel + target.fileEnding(), source));
        }
        return files;
    }

    @Override
    public void close() {
        memory.close();
        log.closed(target.description());
    }
}
