// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Backend;
import dev.vitesse.model.VisionTransformer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

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

    /** Loads a model as its files describe it; see {@link #load(Path, Backend, LoadOptions)}. */
    public static LoadedModel load(Path path, Backend backend) throws IOException {
        return load(path, backend, LoadOptions.NONE);
    }

    /**
     * Loads a model in any of the {@linkplain NamingScheme known naming schemes}. Its configuration comes from the
     * {@code config.json} beside the weights, else from their metadata (if both are there, they must agree), else from
     * the options, the tensors' shapes and the conventions of the library that wrote them.
     *
     * @param path the weights (.safetensors, .npz, .pt, .pth), the folder that holds them, or the name of a model in the
     *     local Hugging Face cache; see {@link #locate}
     * @throws InvalidFileException if a file is missing or damaged, or configuration and weights do not fit each other
     *     tensor by tensor
     * @throws dev.vitesse.backend.DeviceException if the device lacks the memory
     */
    public static LoadedModel load(Path path, Backend backend, LoadOptions options) throws IOException {
        try (LoadPlan plan = LoadPlan.of(path, options)) {
            return plan.load(backend);
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
}
