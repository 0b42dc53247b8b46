// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** Opens files of tensors of any kind. */
public final class TensorFiles {
    private static final byte[] ZIP = {'P', 'K', 3, 4};

    /** What the weights in a folder may be called, in the order in which Hugging Face's library looks for them. */
    private static final List<String> IN_FOLDER =
            List.of("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin");

    private static final String INDEX = ".index.json";

    private TensorFiles() {}

    /**
     * Opens a safetensors file, NumPy's {@code .npz} or PyTorch's {@code .pt} or {@code .pth}; the contents tell which.
     * Of a folder, {@code model.safetensors}, the files listed in {@code model.safetensors.index.json} together, or
     * {@code pytorch_model.bin}.
     *
     * @throws InvalidFileException if the file is missing or damaged
     */
    public static TensorFile open(Path path) throws IOException {
        if (Files.isDirectory(path)) {
            return open(inFolder(path));
        }
        if (path.toString().endsWith(INDEX)) {
            return ShardedTensors.open(path);
        }
        InputFiles.requireFile(path, "a file of weights (.safetensors, .npz, .pt, .pth)");
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(ZIP.length);
        }
        if (Arrays.equals(start, ZIP)) {
            return PyTorchFile.isOne(path) ? PyTorchFile.open(path) : Npz.open(path);
        }
        // The old format of PyTorch, before version 1.6, is a bare pickle of protocol 2.
        if (start.length >= 2 && start[0] == (byte) 0x80 && start[1] == 2) {
            throw new InvalidFileException(path, "is in PyTorch's old format",
                    "save it again with torch.save of PyTorch 1.6 or newer, or as safetensors");
        }
        return Safetensors.open(path);
    }

    private static Path inFolder(Path folder) throws InvalidFileException {
        for (String name : IN_FOLDER) {
            if (Files.exists(folder.resolve(name))) {
                return folder.resolve(name);
            }
        }
        throw new InvalidFileException(folder.resolve(IN_FOLDER.getFirst()), "does not exist, nor "
                + String.join(" or ", IN_FOLDER.subList(1, IN_FOLDER.size())),
                "give the folder of a model, or the file of its weights");
    }
}
