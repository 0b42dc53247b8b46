// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import uk.ac.manchester.tornado.api.DataRange;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.WorkerGrid;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * TornadoVM's execution plan over the arrays of all tensors: a graph that takes them to the device, graphs that copy parts
 * of them, and one graph for each pattern of kernels.
 *
 * <pre>
 * host     floats, ints                     parameters of one pass
 *             | once                           | every execution
 * device   [graph 0: own] -> [graph p: kernel, kernel, ..., end] -> [graph q] -> ...   all consume the two arrays
 * </pre>
 *
 * All graphs have one name and a task is called after its kernel and how often that stood before it in its graph, because
 * TornadoVM keeps compiled code under the two names: graphs then share it. It compiles a graph's last task anew in spite of
 * that, so the last one is a kernel without content.
 */
final class TornadoPlan {
    private static final String GRAPH = "vitesse";

    private final TornadoTarget target;
    private final CompileLog log;
    private final FloatArray floats;
    private final IntArray ints;
    private final KernelContext context = new KernelContext();
    private final GridScheduler grids = new GridScheduler();
    private final Map<String, WorkerGrid> gridOfTask = new HashMap<>();
    private final Set<String> compiled = new HashSet<>();
    private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
    private final Map<List<TornadoKernel>, PatternGraph> patterns = new LinkedHashMap<>();
    private final List<Staging> stagings = new ArrayList<>();
    private final IntArray zeroed = new IntArray(2);
    private final int zeroFloats;
    private final int zeroInts;
    private final TornadoExecutionPlan plan;
    private final TornadoExecutionResult owned;

    /** The graph of one pattern: its place in the plan, its tasks' names, and where its parameters go. */
    private record PatternGraph(int index, List<String> tasks, IntArray parameters) {}

    /** A graph that copies from a small array into the large one: [0] of {@code range} is the start, [1] the count. */
    private record Staging(int index, ElementType type, int capacity, MemorySegment stage, IntArray range, WorkerGrid grid) {}

    TornadoPlan(
            TornadoTarget target, CompileLog log, DeviceMemory memory, Collection<List<TornadoKernel>> patternList) {
        this.target = target;
        this.log = log;
        floats = memory.floats();
        ints = memory.ints();
        addOwner();
        for (int capacity : new int[] {1 << 8, 1 << 13, 1 << 17, 1 << 21}) {
            addFloatStaging(capacity);
        }
        addIntStaging(1 << 8);
        addIntStaging(1 << 14);
        zeroFloats = addZero("zero_floats",
                TaskPackage.createPackage("zero_floats", TornadoCopy::zeroFloats, context, floats, zeroed));
        zeroInts = addZero("zero_ints",
                TaskPackage.createPackage("zero_ints", TornadoCopy::zeroInts, context, ints, zeroed));
        for (List<TornadoKernel> pattern : patternList) {
            addPattern(pattern);
        }
        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        plan.withGridScheduler(grids);
        plan.withDevice(target.device());
        owned = execute(0, "own");
    }

    private void addOwner() {
        TaskGraph graph = new TaskGraph(GRAPH).transferToDevice(DataTransferMode.FIRST_EXECUTION, floats, ints);
        graph.addTask(TaskPackage.createPackage("own", TornadoCopy::end, context, floats, ints));
        grid("own", 1, 1);
        graph.persistOnDevice(floats, ints);
        graphs.add(graph.snapshot());
    }

    private TaskGraph consumer() {
        return new TaskGraph(GRAPH).consumeFromDevice(GRAPH, floats, ints);
    }

    private void addEnd(TaskGraph graph) {
        graph.addTask(TaskPackage.createPackage("end", TornadoCopy::end, context, floats, ints));
        grid("end", 1, 1);
        graphs.add(graph.snapshot());
    }

    private WorkerGrid grid(String task, int localX, int localY) {
        return gridOfTask.computeIfAbsent(GRAPH + "." + task, id -> {
            WorkerGrid grid = new WorkerGrid3D(localX, localY, 1);
            grid.setLocalWork(localX, localY, 1);
            grids.addWorkerGrid(id, grid);
            return grid;
        });
    }

    private void addFloatStaging(int capacity) {
        FloatArray stage = new FloatArray(capacity);
        IntArray range = new IntArray(2);
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, stage, range);
        graph.addTask(TaskPackage.createPackage("write_floats", TornadoCopy::writeFloats, context, floats, stage, range));
        WorkerGrid grid = grid("write_floats", TornadoCopy.LOCAL, 1);
        stagings.add(new Staging(graphs.size(), ElementType.FLOAT32, capacity, stage.getSegment(), range, grid));
        addEnd(graph);
    }

    private void addIntStaging(int capacity) {
        IntArray stage = new IntArray(capacity);
        IntArray range = new IntArray(2);
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, stage, range);
        graph.addTask(TaskPackage.createPackage("write_ints", TornadoCopy::writeInts, context, ints, stage, range));
        WorkerGrid grid = grid("write_ints", TornadoCopy.LOCAL, 1);
        stagings.add(new Staging(graphs.size(), ElementType.INT32, capacity, stage.getSegment(), range, grid));
        addEnd(graph);
    }

    private int addZero(String name, TaskPackage task) {
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, zeroed);
        graph.addTask(task);
        grid(name, TornadoCopy.LOCAL, 1).setGlobalWork(TornadoCopy.LOCAL * 64L, 1, 1);
        addEnd(graph);
        return graphs.size() - 1;
    }

    private void addPattern(List<TornadoKernel> pattern) {
        IntArray parameters = new IntArray(pattern.size() * Launch.SLOT);
        parameters.init(0);
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, parameters);
        Map<String, Integer> seen = new HashMap<>();
        List<String> tasks = new ArrayList<>();
        for (int i = 0; i < pattern.size(); i++) {
            TornadoKernel kernel = pattern.get(i);
            String name = kernel.name() + "_" + seen.merge(kernel.name(), 1, Integer::sum);
            IntArray slot = new IntArray(1);
            slot.set(0, i * Launch.SLOT);
            graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, slot);
            graph.addTask(kernel.task().create(
                    name, new TornadoKernel.Arguments(context, floats, ints, parameters, slot)));
            grid(name, kernel.localX(), kernel.localY());
            tasks.add(GRAPH + "." + name);
        }
        patterns.put(pattern, new PatternGraph(graphs.size(), tasks, parameters));
        addEnd(graph);
    }

    boolean has(List<TornadoKernel> pattern) {
        return patterns.containsKey(pattern);
    }

    void run(String program, Segment segment) {
        PatternGraph graph = patterns.get(segment.pattern());
        boolean compiles = !compiled.containsAll(graph.tasks());
        long begin = System.nanoTime();
        for (List<Launch> pass : segment.passes()) {
            for (int i = 0; i < pass.size(); i++) {
                Launch launch = pass.get(i);
                TornadoKernel kernel = launch.kernel();
                MemorySegment.copy(MemorySegment.ofArray(launch.parameters()), 0, graph.parameters().getSegment(),
                        (long) i * Launch.SLOT * Integer.BYTES, (long) launch.parameters().length * Integer.BYTES);
                gridOfTask.get(graph.tasks().get(i)).setGlobalWork((long) launch.groupsX() * kernel.localX(),
                        (long) launch.groupsY() * kernel.localY(), launch.groupsZ());
            }
            execute(graph.index(), program);
        }
        if (compiles) {
            int before = compiled.size();
            compiled.addAll(graph.tasks());
            log.compiled(program, compiled.size() - before, graph.tasks(), System.nanoTime() - begin);
        }
    }

    private TornadoExecutionResult execute(int graph, String what) {
        try {
            return plan.withGraph(graph).execute();
        } catch (RuntimeException | Error e) { // TornadoVM throws errors of its own where it cannot compile
            throw target.failure(what, e);
        }
    }

    void zero(ElementType type, int start, int elements) {
        if (elements > 0) {
            zeroed.set(0, start);
            zeroed.set(1, elements);
            execute(type == ElementType.FLOAT32 ? zeroFloats : zeroInts, "zero");
        }
    }

    /** Copies through the smallest stage that takes all of it, or the largest one several times. */
    void write(ElementType type, int start, MemorySegment source) {
        long elements = source.byteSize() / type.bytes();
        Staging staging = stagings.stream()
                .filter(s -> s.type() == type && s.capacity() >= elements)
                .findFirst()
                .orElseGet(() -> stagings.stream().filter(s -> s.type() == type).reduce((a, b) -> b).orElseThrow());
        for (long done = 0; done < elements; done += staging.capacity()) {
            int count = (int) Math.min(elements - done, staging.capacity());
            MemorySegment.copy(source, done * type.bytes(), staging.stage(), 0, (long) count * type.bytes());
            staging.range().set(0, start + (int) done);
            staging.range().set(1, count);
            staging.grid().setGlobalWork(staging.capacity(), 1, 1);
            execute(staging.index(), "write");
        }
    }

    /** Brings a part to the host's copy of the array. */
    void read(ElementType type, int start, int elements) {
        if (elements == 0) {
            return;
        }
        DataRange range = new DataRange(type == ElementType.FLOAT32 ? floats : ints);
        try {
            plan.withGraph(0);
            owned.transferToHost(range.withOffset(start).withSize(elements));
        } catch (RuntimeException | Error e) {
            throw target.failure("read", e);
        }
    }

    /** The generated code of every kernel that was compiled, by the kernel's name. */
    Map<String, String> sources() {
        Map<String, String> sources = new LinkedHashMap<>();
        patterns.forEach((pattern, graph) -> {
            for (int i = 0; i < pattern.size(); i++) {
                String task = graph.tasks().get(i);
                if (compiled.contains(task)) {
                    String method = pattern.get(i).method();
                    sources.computeIfAbsent(pattern.get(i).name(), name -> target.source(plan, task, method));
                }
            }
        });
        return sources;
    }

    void close() {
        try {
            plan.withAllGraphs();
            plan.close();
        } catch (Exception e) {
            throw new DeviceException("TornadoVM did not release a plan: " + e.getMessage(), e);
        }
    }

    static String milliseconds(long nanoseconds) {
        return String.format(Locale.ROOT, "%.0f ms", nanoseconds / 1e6);
    }
}
