// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Reads PyTorch's {@code .pt} and {@code .pth} files (torch.save of version 1.6 or newer): a zip archive with a pickle
 * that describes the tensors and their storages beside it. The pickle is interpreted by {@link Unpickler}, which builds
 * tensors, containers and plain values and refuses everything else.
 *
 * <p>The tensors are those of the dictionary in the file, or where it holds a training run's state, of its entry
 * {@code state_dict} or {@code model}.
 */
public final class PyTorchFile {
    private static final String PICKLE = "/data.pkl";
    private static final int MAX_PICKLE = 64 << 20;

    private PyTorchFile() {}

    /** Whether a zip archive is PyTorch's. */
    static boolean isOne(Path path) throws IOException {
        try (ZipFile zip = ZipTensors.openZip(path)) {
            return zip.stream().anyMatch(entry -> isPickle(entry.getName()));
        }
    }

    private static boolean isPickle(String name) {
        return name.endsWith(PICKLE) && name.indexOf('/') == name.length() - PICKLE.length();
    }

    /**
     * Opens a file.
     *
     * @throws InvalidFileException if it is damaged or its pickle holds anything but tensors and plain values, named
     *     then
     */
    public static TensorFile open(Path path) throws IOException {
        ZipTensors file = new ZipTensors(path);
        try {
            addTensors(file);
            return file;
        } catch (InvalidFileException e) {
            file.close();
            throw e;
        } catch (IOException | IllegalArgumentException e) {
            file.close();
            throw new InvalidFileException(path, "cannot be read: " + e.getMessage(), ZipTensors.REMEDY, e);
        }
    }

    private static void addTensors(ZipTensors file) throws IOException {
        ZipEntry pickle = file.zip().stream().filter(entry -> isPickle(entry.getName())).findFirst().orElseThrow(() ->
                new InvalidFileException(file.path(), "has no data.pkl", "save it with torch.save"));
        String root = pickle.getName().substring(0, pickle.getName().length() - PICKLE.length() + 1);
        ZipEntry order = file.zip().getEntry(root + "byteorder");
        if (order != null && !new String(read(file, order), StandardCharsets.US_ASCII).strip().equals("little")) {
            throw new InvalidFileException(file.path(), "is not little-endian", "save it again on another computer");
        }
        Object value = new Unpickler(file.path(), read(file, pickle)).load();
        for (Map.Entry<?, ?> entry : stateDict(file.path(), value).entrySet()) {
            add(file, root, String.valueOf(entry.getKey()), entry.getValue());
        }
    }

    private static byte[] read(ZipTensors file, ZipEntry entry) throws IOException {
        try (InputStream in = file.zip().getInputStream(entry)) {
            byte[] bytes = in.readNBytes(MAX_PICKLE);
            if (in.read() >= 0) {
                throw new InvalidFileException(file.path(),
                        entry.getName() + " is larger than " + MAX_PICKLE + " bytes", ZipTensors.REMEDY);
            }
            return bytes;
        }
    }

    private static Map<?, ?> stateDict(Path path, Object value) throws InvalidFileException {
        if (value instanceof Map<?, ?> map) {
            for (String key : List.of("state_dict", "model")) {
                if (map.get(key) instanceof Map<?, ?> inner) {
                    return inner;
                }
            }
            return map;
        }
        throw new InvalidFileException(path, "does not hold a dictionary of tensors", "save the model's state_dict()");
    }

    private static void add(ZipTensors file, String root, String name, Object value) throws InvalidFileException {
        if (!(value instanceof Unpickler.StoredTensor tensor)) {
            throw new InvalidFileException(
                    file.path(), "entry " + name + " is no tensor", "save the model's state_dict()");
        }
        if (!isContiguous(tensor.shape(), tensor.strides())) {
            throw new InvalidFileException(file.path(), "tensor " + name + " is not contiguous",
                    "call contiguous() before saving it");
        }
        ZipEntry storage = file.zip().getEntry(root + "data/" + tensor.storage().key());
        if (storage == null) {
            throw new InvalidFileException(file.path(),
                    "has no storage " + tensor.storage().key() + " of tensor " + name, ZipTensors.REMEDY);
        }
        StoredType type = tensor.storage().type();
        if (tensor.offset() > Long.MAX_VALUE / type.bytes()) {
            throw new InvalidFileException(file.path(), "tensor " + name + " starts at " + tensor.offset(),
                    ZipTensors.REMEDY);
        }
        file.add(new TensorFile.Entry(name, type, tensor.shape()), storage, tensor.offset() * type.bytes());
    }

    /** Whether elements follow each other in row-major order; axes of one element may have any stride. */
    private static boolean isContiguous(long[] shape, long[] strides) {
        long stride = 1;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            if (shape[axis] == 0) {
                return true;
            }
            if (shape[axis] != 1 && strides[axis] != stride) {
                return false;
            }
            stride *= shape[axis];
        }
        return true;
    }
}
