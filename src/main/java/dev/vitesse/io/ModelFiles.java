// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/**
 * Whole models as files: weights in {@code model.safetensors} and beside it {@code config.json}. What
 * {@link #save} writes has timm's names, and its configuration also in the metadata of the weights.
 */
public final class ModelFiles {
    public static final String WEIGHTS = "model.safetensors";
    public static final String CONFIG = "config.json";

    private ModelFiles() {}

    /**
     * Saves a model; each file is replaced in one step.
     *
     * @param target a folder, which is created if it is missing, or a name that ends in {@code .safetensors}
     * @throws UnwritableFileException if a file cannot be written; one that was there is left as it was
     */
    public static void save(Path target, VisionTransformer model, ModelInfo info) throws IOException {
        Path weights = target;
        if (!target.toString().endsWith(".safetensors")) {
            AtomicFiles.createFolders(target);
            weights = target.resolve(WEIGHTS);
        }
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt")
                .metadata(VitConfigs.toMetadata(model.config(), info));
        model.weights().named().forEach(writer::add);
        writer.write(weights);
        AtomicFiles.write(weights.resolveSibling(CONFIG), VitConfigs.toJson(model.config(), info));
    }

    /**
     * Loads a model in any of the {@linkplain NamingScheme known naming schemes}. Its configuration comes from the
     * {@code config.json} beside the weights, else from their metadata; if both are there, they must agree.
     *
     * @param path the weights (.safetensors, .npz, .pt, .pth), the folder that holds them, or the name of a model in the
     *     local Hugging Face cache; see {@link #locate}
     * @throws InvalidFileException if a file is missing or damaged, or configuration and weights do not fit each other
     *     tensor by tensor
     * @throws dev.vitesse.backend.DeviceException if the device lacks the memory
     */
    public static LoadedModel load(Path path, Backend backend) throws IOException {
        try (TensorFile file = TensorFiles.open(locate(path))) {
            VitConfigs.Description description = describe(file);
            // Before anything is allocated on the device, so that a wrong configuration costs no memory.
            WeightNames.Mapping mapping = WeightNames.match(file, description.config());
            VisionTransformer model = new VisionTransformer(description.config(), backend);
            try {
                copy(file, mapping, model.weights().named());
            } catch (IOException | RuntimeException e) {
                model.close();
                throw e;
            }
            return new LoadedModel(model, description.info(), mapping.scheme(), description.source());
        }
    }

    /**
     * Where a model's files are: {@code path} itself if there is something, else the snapshot of the model of that name
     * ({@code google/vit-base-patch16-224}, or with {@code @REVISION}) in the local Hugging Face cache, where {@code
     * HF_HUB_CACHE} or {@code HF_HOME} say, else in {@code ~/.cache/huggingface/hub}. Nothing is downloaded.
     *
     * @throws InvalidFileException if there is neither
     */
    public static Path locate(Path path) throws IOException {
        return locate(path, HuggingFaceCache.of(System.getenv(), Path.of(System.getProperty("user.home"))));
    }

    static Path locate(Path path, HuggingFaceCache cache) throws IOException {
        String name = path.toString().replace(java.io.File.separatorChar, '/');
        if (Files.exists(path) || !HuggingFaceCache.isName(name)) {
            return path;
        }
        return cache.find(name).orElseThrow(() -> new InvalidFileException(path, "does not exist, nor is it a model in "
                + "the Hugging Face cache " + cache.folder(), "give a file, a folder, or a model that 'hf download' has "
                + "fetched"));
    }

    /**
     * The configuration of a checkpoint.
     *
     * @throws InvalidFileException if there is none, or two that differ
     */
    public static VitConfigs.Description describe(TensorFile file) throws IOException {
        Path config = file.path().resolveSibling(CONFIG);
        boolean inMetadata = VitConfigs.describes(file.metadata());
        if (!Files.exists(config)) {
            if (inMetadata) {
                return VitConfigs.fromMetadata(file.path(), file.metadata());
            }
            throw new InvalidFileException(file.path(), "has no configuration, neither a " + CONFIG
                    + " beside it nor in its metadata", "put the model's " + CONFIG + " into the same folder");
        }
        VitConfigs.Description description = VitConfigs.read(config);
        if (inMetadata) {
            VitConfig other = VitConfigs.fromMetadata(file.path(), file.metadata()).config();
            requireSameFunction(config, description.config(), file.path(), other);
        }
        return description;
    }

    private static void requireSameFunction(Path path, VitConfig config, Path otherPath, VitConfig other)
            throws InvalidFileException {
        // Dropout acts in training only: it may be changed between runs.
        VitConfig comparable = other.toBuilder().dropout(config.dropout()).dropPath(config.dropPath()).build();
        if (!config.equals(comparable)) {
            throw new InvalidFileException(path, "contradicts the metadata of " + otherPath.getFileName() + ": "
                    + config + " against " + comparable, "remove or correct " + path.getFileName());
        }
    }

    private static void copy(TensorFile file, WeightNames.Mapping mapping, Map<String, Tensor> parameters)
            throws InvalidFileException {
        for (WeightNames.Assignment assignment : mapping.assignments()) {
            Tensor parameter = parameters.get(assignment.parameter());
            // One arena per tensor: what a conversion needs is freed before the next one.
            try (Arena arena = Arena.ofConfined()) {
                boolean whole = assignment.rows() == parameter.dim(0);
                Tensor target = whole ? parameter : parameter.rows(assignment.firstRow(), assignment.rows());
                TensorFile.Entry source = assignment.source();
                MemorySegment elements = file.float32(source.name(), arena);
                target.write(assignment.rearrangement().apply(elements, source.shape(), arena));
            }
        }
    }
}
