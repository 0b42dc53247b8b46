// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Everything that a computation needs to go on later as if it had not stopped: device tensors by name and texts by key,
 * in one safetensors file.
 */
public final class Checkpoint implements AutoCloseable {
    private static final String VERSION_KEY = "vitesse_checkpoint";
    private static final String VERSION = "1";

    private final TensorFile file;
    private final Map<String, String> state;

    private Checkpoint(TensorFile file, Map<String, String> state) {
        this.file = file;
        this.state = state;
    }

    /**
     * Saves tensors and state in one step; see {@link AtomicFiles}.
     *
     * @throws UnwritableFileException if that fails; a checkpoint that was there is left as it was
     */
    public static void write(Path path, Map<String, Tensor> tensors, Map<String, String> state) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata(state).metadata(VERSION_KEY, VERSION);
        tensors.forEach(writer::add);
        writer.write(path);
    }

    /**
     * Opens a checkpoint; close it after {@link #restore}.
     *
     * @throws InvalidFileException if the file is missing, damaged or no checkpoint of this version
     */
    public static Checkpoint read(Path path) throws IOException {
        TensorFile file = Safetensors.open(path);
        Map<String, String> state = new LinkedHashMap<>(file.metadata());
        String version = state.remove(VERSION_KEY);
        if (!VERSION.equals(version)) {
            file.close();
            throw new InvalidFileException(path, version == null ? "is no checkpoint of a training run"
                    : "is a checkpoint of version " + version, "only version " + VERSION + " can be read");
        }
        return new Checkpoint(file, state);
    }

    /** The texts that were saved. */
    public Map<String, String> state() {
        return Collections.unmodifiableMap(state);
    }

    /**
     * Copies every saved tensor into the one of the same name; all are checked before the first is changed.
     *
     * @throws InvalidFileException naming what is missing, unexpected, or of another type or shape
     */
    public void restore(Map<String, Tensor> tensors) throws InvalidFileException {
        List<String> problems = new ArrayList<>();
        Set<String> unexpected = new LinkedHashSet<>(file.tensors().keySet());
        tensors.forEach((name, tensor) -> {
            TensorFile.Entry entry = file.tensors().get(name);
            unexpected.remove(name);
            if (entry == null) {
                problems.add("missing " + name);
            } else if (!fits(entry, tensor)) {
                problems.add("misshapen " + entry.describe() + ", expected " + tensor.type()
                        + Arrays.toString(tensor.shape()));
            }
        });
        unexpected.forEach(name -> problems.add("unexpected " + name));
        if (!problems.isEmpty()) {
            throw new InvalidFileException(file.path(), "does not fit: " + String.join("; ", problems.stream().limit(8)
                    .toList()) + (problems.size() > 8 ? "; and " + (problems.size() - 8) + " more" : ""),
                    "resume with the model and the optimizer that it was saved with");
        }
        for (Map.Entry<String, Tensor> tensor : tensors.entrySet()) {
            tensor.getValue().write(file.bytes(tensor.getKey()));
        }
    }

    private static boolean fits(TensorFile.Entry entry, Tensor tensor) {
        StoredType type = tensor.type() == ElementType.FLOAT32 ? StoredType.F32 : StoredType.I32;
        return entry.type() == type
                && Arrays.equals(entry.shape(), Arrays.stream(tensor.shape()).asLongStream().toArray());
    }

    @Override
    public void close() {
        file.close();
    }
}
