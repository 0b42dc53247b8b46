// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import dev.vitesse.io.AtomicFiles;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.Operand;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BooleanSupplier;

/**
 * Searches the sizes with which a device's kernels are fastest: family by family, size by size, as long as one of them
 * improves. A candidate is timed only after its results have been found right.
 */
public final class Tuner {
    /** Of a case; the shortest counts, because whatever else the machine does only ever adds. */
    private static final int LEAST_RUNS = 3;

    private static final long MOST_NANOS = 100_000_000;
    /** A new candidate must be faster by this share, else what differs is noise. */
    private static final double LEAST_GAIN = 0.02;

    private final OpenClDevice device;
    private final Listener listener;
    private final BooleanSupplier stop;
    /** What the timed cases read, computed once: the reference takes long for some of it. */
    private final Map<String, Map<String, double[]>> inputs = new HashMap<>();

    private Tuning best;

    /** Is told what the tuner does. */
    public interface Listener {
        /** A family is about to be searched; {@code milliseconds} is what its cases take with the sizes so far. */
        void family(String family, double milliseconds);

        /** A candidate took {@code milliseconds}, or did not run for the reason {@code problem}. */
        void candidate(String family, Map<String, Integer> sizes, double milliseconds, String problem);
    }

    /**
     * What was found for a family.
     *
     * @param sizes by name
     * @param millisecondsBefore what its cases took with the sizes at the start
     * @param milliseconds what they take now
     */
    public record Found(String family, Map<String, Integer> sizes, double millisecondsBefore, double milliseconds) {}

    private Tuner(OpenClDevice device, Tuning start, Listener listener, BooleanSupplier stop) {
        this.device = device;
        this.best = start;
        this.listener = listener;
        this.stop = stop;
    }

    /** The best device of that selector (the part of an id after {@code opencl:}) and the file that its sizes go to. */
    public static Target target(String selector) {
        OpenClDevice device = OpenClBackendProvider.select(selector);
        return new Target(device.name(), Tuning.userFile(device), device);
    }

    /** A device to tune. */
    public static final class Target {
        private final String name;
        private final Path file;
        private final OpenClDevice device;

        private Target(String name, Path file, OpenClDevice device) {
            this.name = name;
            this.file = file;
            this.device = device;
        }

        public String name() {
            return name;
        }

        /** Where the sizes go by default, and where every backend looks for them. */
        public Path file() {
            return file;
        }

        /**
         * Searches every family, and writes to {@code to} whenever something better was found.
         *
         * @param stop asked between candidates whether to end
         * @return the families that were searched, the last perhaps in part
         * @throws DeviceException if the device fails with the sizes that it has now
         */
        public List<Found> tune(Path to, Listener listener, BooleanSupplier stop) throws IOException {
            return new Tuner(device, Tuning.of(device), listener, stop).run(TuningSpace.of(device), to);
        }
    }

    /** As {@link Target#tune}, in {@code spaces}. */
    static List<Found> tune(
            OpenClDevice device, List<TuningSpace> spaces, Path to, Listener listener, BooleanSupplier stop)
            throws IOException {
        return new Tuner(device, Tuning.defaults(device), listener, stop).run(spaces, to);
    }

    private List<Found> run(List<TuningSpace> spaces, Path to) throws IOException {
        List<Found> found = new ArrayList<>();
        for (TuningSpace space : spaces) {
            if (stop.getAsBoolean()) {
                break;
            }
            if (sharesSizesOfAnother(space)) {
                continue;
            }
            found.add(search(space, to));
            save(to);
        }
        return found;
    }

    private void save(Path to) throws IOException {
        AtomicFiles.createFolders(to.toAbsolutePath().getParent());
        AtomicFiles.write(to, best.toJson(device));
    }

    /** Where both sizes of tiles are the same, one program serves both: they stay the same. */
    private boolean sharesSizesOfAnother(TuningSpace space) {
        return space.family().equals("gemm.small") && hasOneSizeOfTiles(best);
    }

    private static boolean hasOneSizeOfTiles(Tuning tuning) {
        return tuning.family("gemm.large").equals(tuning.family("gemm.small"));
    }

    private Found search(TuningSpace space, Path to) throws IOException {
        Tuning start = best;
        boolean shared = space.family().equals("gemm.large") && hasOneSizeOfTiles(start);
        double before = measure(space, start);
        listener.family(space.family(), before);
        double fastest = before;
        boolean improved = true;
        while (improved && !stop.getAsBoolean()) {
            improved = false;
            for (TuningSpace.Axis axis : space.axes()) {
                for (int value : axis.values()) {
                    Map<String, Integer> sizes = new TreeMap<>(best.family(space.family()));
                    if (sizes.put(axis.name(), value) == value || stop.getAsBoolean()) {
                        continue;
                    }
                    Tuning candidate = best.with(space.family(), sizes);
                    if (shared) {
                        candidate = candidate.with("gemm.small", sizes);
                    }
                    double milliseconds = tryOut(space, candidate);
                    if (isFaster(milliseconds, fastest)) {
                        // The machine may have become faster since the best sizes were timed.
                        fastest = Math.min(fastest, measure(space, best));
                    }
                    if (isFaster(milliseconds, fastest)) {
                        fastest = milliseconds;
                        best = candidate;
                        improved = true;
                        save(to); // the next one may take the driver's compiler down
                    }
                }
            }
        }
        return new Found(space.family(), best.family(space.family()), before, fastest);
    }

    private static boolean isFaster(double milliseconds, double fastest) {
        return milliseconds < fastest * (1 - LEAST_GAIN);
    }

    /** Milliseconds, or infinity if the candidate cannot run here or computes wrongly. */
    private double tryOut(TuningSpace space, Tuning candidate) {
        Map<String, Integer> sizes = candidate.family(space.family());
        try {
            candidate.check(device);
            double milliseconds = measure(space, candidate);
            listener.candidate(space.family(), sizes, milliseconds, "");
            return milliseconds;
        } catch (IllegalArgumentException | DeviceException | AssertionError e) {
            String problem = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            listener.candidate(space.family(), sizes, Double.POSITIVE_INFINITY, problem);
            return Double.POSITIVE_INFINITY;
        }
    }

    /** Checks a set of sizes, then times it. A backend of its own, because a device may be lost to a bad candidate. */
    private double measure(TuningSpace space, Tuning tuning) {
        try (OpenClBackend backend = OpenClBackend.open(device, tuning, Faults.NONE)) {
            space.checked().forEach(kernelCase -> CaseRunner.check(kernelCase, backend));
            return space.timed().stream().mapToDouble(kernelCase -> time(kernelCase, backend)).sum() / 1e6;
        }
    }

    /** The shortest of some runs, in nanoseconds. */
    private double time(KernelCase kernelCase, OpenClBackend backend) {
        Map<String, Tensor> tensors = tensors(kernelCase, backend);
        try (Program program = backend.record(
                kernelCase.name(), k -> kernelCase.call().schedule(k, new KernelCase.Arguments(tensors)))) {
            program.run(); // compiles what is left to compile
            backend.runtime().finish();
            long start = System.nanoTime();
            long shortest = Long.MAX_VALUE;
            for (int run = 0; run < LEAST_RUNS || System.nanoTime() - start < MOST_NANOS; run++) {
                long before = System.nanoTime();
                program.run();
                backend.runtime().finish();
                shortest = Math.min(shortest, System.nanoTime() - before);
            }
            return shortest;
        } finally {
            tensors.values().forEach(Tensor::close);
        }
    }

    private Map<String, Tensor> tensors(KernelCase kernelCase, Backend backend) {
        Map<String, double[]> values =
                inputs.computeIfAbsent(kernelCase.name(), name -> CaseRunner.inputs(kernelCase, 0));
        Map<String, Tensor> tensors = new HashMap<>();
        for (Operand operand : kernelCase.argumentOperands()) {
            Tensor tensor = backend.tensor(operand.name(), operand.type(), operand.shape());
            tensors.put(operand.name(), tensor);
            double[] input = values.get(operand.name());
            if (input != null) {
                write(tensor, input);
            }
        }
        return tensors;
    }

    private static void write(Tensor tensor, double[] values) {
        if (tensor.type() == ElementType.INT32) {
            int[] ints = new int[values.length];
            for (int i = 0; i < ints.length; i++) {
                ints[i] = (int) values[i];
            }
            tensor.write(ints);
        } else {
            float[] floats = new float[values.length];
            for (int i = 0; i < floats.length; i++) {
                floats[i] = (float) values[i];
            }
            tensor.write(floats);
        }
    }
}
