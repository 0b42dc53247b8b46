// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * A model whose tensors are spread over several safetensors files in one folder, as Hugging Face's {@code
 * model.safetensors.index.json} lists them. Index and files must agree: every tensor is where the index says, and no
 * file holds one that the index leaves out.
 */
final class ShardedTensors implements TensorFile {
    /** A plain name: an index must not lead out of its folder. */
    private static final Pattern FILE_NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*");

    private static final String REMEDY = "copy or download the whole folder again";

    private final Path index;
    private final Map<String, Safetensors> files = new LinkedHashMap<>();
    private final Map<String, Safetensors> fileOfTensor = new LinkedHashMap<>();
    private final Map<String, Entry> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    private ShardedTensors(Path index) {
        this.index = index;
    }

    /**
     * Opens the index and every file that it names.
     *
     * @throws InvalidFileException if one is missing or damaged, or they do not agree
     */
    static ShardedTensors open(Path index) throws IOException {
        Map<String, String> map = Settings.read(index).texts("weight_map");
        ShardedTensors sharded = new ShardedTensors(index);
        try {
            for (Map.Entry<String, String> entry : map.entrySet()) {
                sharded.add(entry.getKey(), entry.getValue());
            }
            sharded.requireComplete();
            return sharded;
        } catch (IOException | RuntimeException e) {
            sharded.close();
            throw e;
        }
    }

    private void add(String tensor, String fileName) throws IOException {
        Safetensors file = files.get(fileName);
        if (file == null) {
            if (!FILE_NAME.matcher(fileName).matches()) {
                throw new InvalidFileException(index, "names the file " + fileName, "it must be one of its folder");
            }
            file = Safetensors.open(index.resolveSibling(fileName));
            files.put(fileName, file);
            metadata.putAll(file.metadata());
        }
        Entry entry = file.tensors().get(tensor);
        if (entry == null) {
            throw new InvalidFileException(index, "says that tensor " + tensor + " is in " + fileName
                    + ", which does not have it", REMEDY);
        }
        tensors.put(tensor, entry);
        fileOfTensor.put(tensor, file);
    }

    private void requireComplete() throws InvalidFileException {
        for (Map.Entry<String, Safetensors> file : files.entrySet()) {
            for (String tensor : file.getValue().tensors().keySet()) {
                if (fileOfTensor.get(tensor) != file.getValue()) {
                    throw new InvalidFileException(index, "does not say that " + file.getKey() + " holds tensor "
                            + tensor, REMEDY);
                }
            }
        }
    }

    @Override
    public Path path() {
        return index;
    }

    @Override
    public Map<String, String> metadata() {
        return Collections.unmodifiableMap(metadata);
    }

    @Override
    public Map<String, Entry> tensors() {
        return Collections.unmodifiableMap(tensors);
    }

    @Override
    public MemorySegment bytes(String name, SegmentAllocator allocator) throws InvalidFileException {
        return fileOfTensor.get(entry(name).name()).bytes(name, allocator);
    }

    @Override
    public void close() {
        files.values().forEach(Safetensors::close);
    }
}
