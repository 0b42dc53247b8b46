// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
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
 * of them, one graph for each kernel, in which it is compiled, and one for each pattern of tasks.
 *
 * <pre>
 * host     floats, ints                     parameters of one run
 *             | once                           | every execution
 * device   [graph 0: own] -> [graph p: task, task, ..., end] -> [graph q] -> ...   all consume the two arrays
 * </pre>
 *
 * All graphs have one name and a task is called after its kernel and which of the kernel's grids it has, because TornadoVM
 * keeps compiled code under the two names: graphs then share it, and so do the launches in a graph ({@link TaskSharing}). It
 * compiles a graph's last task anew in spite of that, so the last one is a kernel without content.
 *
 * <p>A kernel is compiled by a <em>trial</em>: a graph with nothing else launches it for one work-group, on a problem of
 * size 1 in memory that is there for that. {@code withPreCompilation} would tell nobody which kernel it has come to, and leave
 * out what drivers do at the first launch: PoCL, most of its work. A plan that has used it no longer runs once any other plan
 * has been closed.
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
    /** The tasks of each graph, and the graphs that have run and whose tasks were seen to run. */
    private final List<Set<String>> taskNames = new ArrayList<>();

    private final BitSet checked = new BitSet();
    private final List<ImmutableTaskGraph> graphs = new ArrayList<>();
    private final Map<List<Segment.Task>, PatternGraph> patterns = new LinkedHashMap<>();
    /** The graph that compiles a task, by its name. */
    private final Map<String, Integer> trials = new HashMap<>();
    private final List<Staging> stagings = new ArrayList<>();
    private final IntArray zeroed = new IntArray(2);
    private final int zeroFloats;
    private final int zeroInts;
    private final TornadoExecutionPlan plan;
    private final TornadoExecutionResult owned;

    /** The graph of one pattern: its place in the plan and where its parameters go. */
    private record PatternGraph(int index, IntArray parameters) {}

    /** A graph that copies from a small array into the large one: [0] of {@code range} is the start, [1] the count. */
    private record Staging(int index, ElementType type, int capacity, MemorySegment stage, IntArray range, WorkerGrid grid) {}

    /**
     * @param patternList of the graphs
     * @param captured whether a graph's grids stay as they are when it first runs
     */
    TornadoPlan(
            TornadoTarget target, CompileLog log, DeviceMemory memory, Collection<List<Segment.Task>> patternList,
            boolean captured) {
        this.target = target;
        this.log = log;
        floats = memory.floats();
        ints = memory.ints();
        addOwner(memory.probe(ElementType.FLOAT32), memory.probe(ElementType.INT32));
        for (int capacity : new int[] {1 << 8, 1 << 13, 1 << 17, 1 << 21}) {
            addFloatStaging(capacity);
        }
        addIntStaging(1 << 8);
        addIntStaging(1 << 14);
        zeroFloats = addZero("zero_floats",
                TaskPackage.createPackage("zero_floats", TornadoCopy::zeroFloats, context, floats, zeroed));
        zeroInts = addZero("zero_ints",
                TaskPackage.createPackage("zero_ints", TornadoCopy::zeroInts, context, ints, zeroed));
        patternList.stream().flatMap(pattern -> Segment.compilations(pattern).stream()).distinct().forEach(this::addTrial);
        patternList.forEach(this::addPattern);
        plan = new TornadoExecutionPlan(graphs.toArray(ImmutableTaskGraph[]::new));
        plan.withGridScheduler(grids);
        plan.withDevice(target.device());
        if (captured) {
            plan.withCUDAGraph();
        }
        owned = execute(0, "own");
        log.uploaded(floats.getSegment().byteSize() + ints.getSegment().byteSize());
        checkProbe(memory);
    }

    /** The first kernel of all has moved two numbers on the device; this is where a device that does not work shows. */
    private void checkProbe(DeviceMemory memory) {
        int place = memory.probe(ElementType.FLOAT32);
        int intPlace = memory.probe(ElementType.INT32);
        float before = floats.get(place);
        int intBefore = ints.get(intPlace);
        read(ElementType.FLOAT32, place, 1);
        read(ElementType.INT32, intPlace, 1);
        if (floats.get(place) != before + TornadoCopy.PROBE_STEP || ints.get(intPlace) != intBefore + 1) {
            throw new DeviceException(String.format("TornadoVM computes wrongly on %s: a kernel that adds %s and 1 to %s and"
                    + " %d left %s and %d", target.description(), TornadoCopy.PROBE_STEP, before, intBefore,
                    floats.get(place), ints.get(intPlace)));
        }
    }

    private void addOwner(int place, int intPlace) {
        TaskGraph graph = new TaskGraph(GRAPH).transferToDevice(DataTransferMode.FIRST_EXECUTION, floats, ints);
        graph.addTask(TaskPackage.createPackage("own", TornadoCopy::probe, context, floats, ints, place, intPlace));
        grid("own", 1, 1);
        graph.persistOnDevice(floats, ints);
        graphs.add(graph.snapshot());
        taskNames.add(Set.of("own"));
    }

    private TaskGraph consumer() {
        return new TaskGraph(GRAPH).consumeFromDevice(GRAPH, floats, ints);
    }

    private void addEnd(TaskGraph graph, Set<String> tasks) {
        taskNames.add(tasks);
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
        addEnd(graph, Set.of("write_floats"));
    }

    private void addIntStaging(int capacity) {
        IntArray stage = new IntArray(capacity);
        IntArray range = new IntArray(2);
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, stage, range);
        graph.addTask(TaskPackage.createPackage("write_ints", TornadoCopy::writeInts, context, ints, stage, range));
        WorkerGrid grid = grid("write_ints", TornadoCopy.LOCAL, 1);
        stagings.add(new Staging(graphs.size(), ElementType.INT32, capacity, stage.getSegment(), range, grid));
        addEnd(graph, Set.of("write_ints"));
    }

    private int addZero(String name, TaskPackage task) {
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, zeroed);
        graph.addTask(task);
        grid(name, TornadoCopy.LOCAL, 1).setGlobalWork(TornadoCopy.LOCAL * 64L, 1, 1);
        addEnd(graph, Set.of(name));
        return graphs.size() - 1;
    }

    private void addTrial(Segment.Task task) {
        TornadoKernel kernel = task.kernel();
        IntArray parameters = new IntArray(Launch.SLOT);
        parameters.init(1);
        IntArray slot = new IntArray(1);
        slot.init(0);
        try {
            TaskGraph graph = consumer().transferToDevice(DataTransferMode.FIRST_EXECUTION, parameters, slot);
            kernel.addTo(graph, task.name(), 0, new TornadoKernel.Arguments(context, floats, ints, parameters, slot));
            grid(task.name(), kernel.localX(), kernel.localY());
            trials.put(task.name(), graphs.size());
            taskNames.add(Set.of(task.name()));
            graphs.add(graph.snapshot());
        } catch (RuntimeException | Error e) { // TornadoVM reads the kernel's code here
            throw target.failure(kernel.name(), e);
        }
    }

    private void addPattern(List<Segment.Task> pattern) {
        IntArray parameters = new IntArray(pattern.size() * Launch.SLOT);
        parameters.init(0);
        TaskGraph graph = consumer().transferToDevice(DataTransferMode.EVERY_EXECUTION, parameters);
        for (int i = 0; i < pattern.size(); i++) {
            Segment.Task task = pattern.get(i);
            IntArray slot = new IntArray(1);
            slot.set(0, i * Launch.SLOT);
            graph.transferToDevice(DataTransferMode.FIRST_EXECUTION, slot);
            // A name that the graph has already makes no new task but another launch of the old one.
            task.kernel().addTo(graph, task.name(), i, new TornadoKernel.Arguments(context, floats, ints, parameters, slot));
            grid(task.name(), task.kernel().localX(), task.kernel().localY());
        }
        patterns.put(pattern, new PatternGraph(graphs.size(), parameters));
        addEnd(graph, Segment.compilations(pattern).stream().map(Segment.Task::name).collect(Collectors.toSet()));
        TaskSharing.enable(graphs.getLast());
    }

    boolean has(List<Segment.Task> pattern) {
        return patterns.containsKey(pattern);
    }

    /**
     * Compiles the kernels of a program that the plan has not compiled yet.
     *
     * @throws DeviceException naming the first that fails; none of the program has run then
     */
    void compile(String program, List<Segment> segments) {
        List<Segment.Task> fresh = segments.stream()
                .flatMap(segment -> Segment.compilations(segment.pattern()).stream())
                .filter(task -> !compiled.contains(task.name()))
                .distinct()
                .toList();
        if (fresh.isEmpty()) {
            return;
        }
        log.compiling(program, fresh.size(), target.description());
        try {
            for (Segment.Task task : fresh) {
                log.compiling(task.kernel().name());
                long begin = System.nanoTime();
                WorkerGrid grid = gridOfTask.get(GRAPH + "." + task.name());
                grid.setGlobalWork(task.kernel().localX(), task.kernel().localY(), 1);
                execute(trials.get(task.name()), task.kernel().name() + " of " + program);
                compiled.add(task.name());
                log.compiled(task.name(), System.nanoTime() - begin);
            }
        } finally {
            log.compilingEnded();
        }
    }

    void run(String program, Segment segment) {
        PatternGraph graph = patterns.get(segment.pattern());
        for (int i = 0; i < segment.launches().size(); i++) {
            Launch launch = segment.launches().get(i);
            TornadoKernel kernel = launch.kernel();
            MemorySegment.copy(MemorySegment.ofArray(launch.parameters()), 0, graph.parameters().getSegment(),
                    (long) i * Launch.SLOT * Integer.BYTES, (long) launch.parameters().length * Integer.BYTES);
            gridOfTask.get(GRAPH + "." + segment.pattern().get(i).name()).setGlobalWork(
                    (long) launch.groupsX() * kernel.localX(), (long) launch.groupsY() * kernel.localY(), launch.groupsZ());
        }
        execute(graph.index(), program);
    }

    private TornadoExecutionResult execute(int graph, String what) {
        try {
            if (checked.get(graph)) {
                return plan.withGraph(graph).execute();
            }
            TornadoExecutionResult result = LaunchCheck.execute(plan, graph, target, GRAPH, taskNames.get(graph), log);
            checked.set(graph);
            return result;
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
        log.uploaded(source.byteSize());
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
            log.downloaded((long) elements * type.bytes());
        } catch (RuntimeException | Error e) {
            throw target.failure("read", e);
        }
    }

    /** The generated code of every kernel that was compiled, by the kernel's name. */
    Map<String, String> sources() {
        Map<String, String> sources = new TreeMap<>();
        patterns.keySet().stream().flatMap(List::stream).filter(task -> compiled.contains(task.name())).forEach(task ->
                sources.computeIfAbsent(task.kernel().name(),
                        name -> target.source(plan, GRAPH + "." + task.name(), task.kernel().method())));
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
