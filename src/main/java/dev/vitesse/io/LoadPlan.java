// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Tensor;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.Parameters;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * An opened checkpoint with all that is needed to load it, and nothing allocated yet: which library's names it uses, its
 * configuration and where that came from, and which tensor goes where.
 *
 * @param file the weights
 * @param description the configuration of the weights as they are in the file
 * @param mapping which tensor goes where
 * @param config of the model that is loaded: the file's, or another where it takes another image size
 * @param info labels and preprocessing, for that image size
 */
public record LoadPlan(TensorFile file, VitConfigs.Description description, WeightNames.Mapping mapping,
        VitConfig config, ModelInfo info) implements AutoCloseable {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String POSITIONS = "pos_embed";
    private static final List<String> REQUIRED = List.of("num_heads", "image_size", "patch_size", "channels",
            "hidden_dim", "num_layers", "mlp_dim", "num_classes", "layer_norm_eps", "pool");

    /**
     * Opens the files of a model and works out how to load it.
     *
     * @throws InvalidFileException if a file is missing or damaged, or configuration and weights do not fit each other
     * @throws IllegalArgumentException if the model cannot take images of the wanted size
     */
    public static LoadPlan of(Path path, LoadOptions options) throws IOException {
        TensorFile file = TensorFiles.open(ModelFiles.locate(path));
        try {
            if (options.names() != null) {
                file = Renames.read(options.names()).apply(file);
            }
            NamingScheme scheme = WeightNames.detect(file);
            VitConfigs.Description description = describe(file, scheme, options.settings());
            WeightNames.Mapping mapping = WeightNames.match(file, scheme, description.config());
            int size = options.imageSize() > 0 ? options.imageSize() : description.inputSize();
            VitConfig config = options.imageSize() > 0 ? resized(file, scheme, description.config(), size)
                    : prepared(file, scheme, description);
            return new LoadPlan(file, description, mapping, config, resized(description.info(), size));
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** The model for images of the size to which its own files prepare them. */
    private static VitConfig prepared(TensorFile file, NamingScheme scheme, VitConfigs.Description description)
            throws InvalidFileException {
        try {
            return resized(file, scheme, description.config(), description.inputSize());
        } catch (IllegalArgumentException e) {
            throw new InvalidFileException(description.source(), "prepares images that the model cannot take: "
                    + e.getMessage(), "correct it");
        }
    }

    private static VitConfig resized(TensorFile file, NamingScheme scheme, VitConfig config, int size)
            throws InvalidFileException {
        boolean learned = config.position() == VitConfig.Position.LEARNED;
        if (size != config.imageSize() && learned && scheme.family().resampling() == null) {
            throw new InvalidFileException(file.path(), "takes images of " + config.imageSize() + " pixels; "
                    + scheme.title() + " has no way to fit positions to " + size, "use that size");
        }
        return config.toBuilder().imageSize(size).build();
    }

    private static ModelInfo resized(ModelInfo info, int size) {
        Preprocessing preprocessing = info.preprocessing();
        return preprocessing == null ? info : new ModelInfo(info.labels(), preprocessing.withSize(size));
    }

    /** The configuration, from whatever tells it. */
    private static VitConfigs.Description describe(TensorFile file, NamingScheme scheme, Map<String, String> settings)
            throws IOException {
        Path configFile = file.path().resolveSibling(ModelFiles.CONFIG);
        boolean inMetadata = VitConfigs.describes(file.metadata());
        boolean inFile = Files.exists(configFile);
        if (inFile && inMetadata) {
            requireSameFunction(configFile, file);
        }
        ConfigDraft draft = inFile ? VitConfigs.draft(configFile)
                : inMetadata ? VitConfigs.draft(file.path(), file.metadata()) : new ConfigDraft(file.path());
        if (settings.containsKey("activation") || settings.containsKey("gelu")) {
            // Two keys for one thing: the user's word replaces both.
            draft.remove("activation");
            draft.remove("gelu");
        }
        settings.forEach((key, value) -> draft.put(key, value, "given by the user"));
        ConfigFromTensors.complete(draft, file, scheme, !inFile && !inMetadata);
        if (!inFile && !inMetadata) {
            requireComplete(draft, file);
        }
        return VitConfigs.describe(draft);
    }

    private static void requireComplete(ConfigDraft draft, TensorFile file) throws InvalidFileException {
        List<String> missing = new ArrayList<>();
        REQUIRED.stream().filter(key -> !draft.has(key)).forEach(missing::add);
        if (!missing.isEmpty()) {
            List<String> flags = missing.stream().map(key -> "--set " + key + "=VALUE").toList();
            throw new InvalidFileException(file.path(), "has no configuration, neither a " + ModelFiles.CONFIG
                    + " beside it nor in its metadata, and its tensors do not tell " + String.join(", ", missing),
                    "put the model's " + ModelFiles.CONFIG + " into the same folder or give "
                    + String.join(" ", flags) + " (in the library: with(key, value))");
        }
    }

    private static void requireSameFunction(Path path, TensorFile file) throws IOException {
        VitConfig config = VitConfigs.read(path).config();
        VitConfig other = VitConfigs.fromMetadata(file.path(), file.metadata()).config();
        // Dropout acts in training only: it may be changed between runs.
        VitConfig comparable = other.toBuilder().dropout(config.dropout()).dropPath(config.dropPath()).build();
        if (!config.equals(comparable)) {
            throw new InvalidFileException(path, "contradicts the metadata of " + file.path().getFileName() + ": "
                    + config + " against " + comparable, "remove or correct " + path.getFileName());
        }
    }

    /** The shape of the parameter that timm calls {@code parameter}, as the file has it. */
    public int[] shape(String parameter) {
        return Parameters.shapes(description.config()).get(parameter);
    }

    /** Whether the positions are fitted to another image size. */
    public boolean resamplesPositions() {
        return config.imageSize() != description.config().imageSize()
                && config.position() == VitConfig.Position.LEARNED;
    }

    /**
     * Loads the weights.
     *
     * @throws InvalidFileException if a tensor cannot be read
     * @throws dev.vitesse.backend.DeviceException if the device lacks the memory
     */
    public LoadedModel load(Backend backend) throws IOException {
        VisionTransformer model = new VisionTransformer(config, backend);
        try {
            Map<String, List<WeightNames.Assignment>> bySource = new LinkedHashMap<>();
            for (WeightNames.Assignment assignment : mapping.assignments()) {
                bySource.computeIfAbsent(assignment.source().name(), name -> new ArrayList<>()).add(assignment);
            }
            Map<String, Tensor> parameters = model.weights().named();
            Map<String, int[]> shapes = Parameters.shapes(description.config());
            for (List<WeightNames.Assignment> assignments : bySource.values()) {
                // One arena per tensor: what a conversion needs is freed before the next one.
                try (Arena arena = Arena.ofConfined()) {
                    MemorySegment elements = file.float32(assignments.getFirst().source().name(), arena);
                    for (WeightNames.Assignment assignment : assignments) {
                        copy(assignment, elements, shapes.get(assignment.parameter()),
                                parameters.get(assignment.parameter()), arena);
                    }
                    if (elements.isMapped()) {
                        // Or the whole file would stay in this process's memory beside the weights.
                        elements.unload();
                    }
                }
            }
        } catch (IOException | RuntimeException e) {
            model.close();
            throw e;
        }
        return new LoadedModel(model, info, mapping.scheme(), description.source());
    }

    private void copy(WeightNames.Assignment assignment, MemorySegment elements, int[] shape, Tensor parameter,
            Arena arena) {
        long[] partShape = Arrays.stream(shape).asLongStream().toArray();
        boolean whole = assignment.rows() == partShape[0];
        partShape[0] = assignment.rows();
        MemorySegment part = assignment.rearrangement()
                .apply(share(assignment, elements, arena), partShape, description.config(), arena);
        if (assignment.parameter().equals(POSITIONS) && resamplesPositions()) {
            parameter.write(resampled(part));
        } else {
            Tensor target = whole ? parameter : parameter.rows(assignment.firstRow(), assignment.rows());
            target.write(part);
        }
    }

    private MemorySegment share(WeightNames.Assignment assignment, MemorySegment elements, Arena arena) {
        return switch (assignment.share()) {
            case WHOLE -> elements;
            case BLOCK -> {
                long bytes = elements.byteSize() / assignment.source().shape()[0];
                yield elements.asSlice(assignment.index() * bytes, bytes);
            }
            case HALF_OF_COLUMNS -> {
                MemorySegment half = arena.allocate(elements.byteSize() / 2, Float.BYTES);
                long row = half.byteSize() / assignment.rows();
                for (int i = 0; i < assignment.rows(); i++) {
                    MemorySegment.copy(elements, (2L * i + assignment.index()) * row, half, i * row, row);
                }
                yield half;
            }
        };
    }

    private float[] resampled(MemorySegment positions) {
        VitConfig from = description.config();
        float[] values = new float[Math.multiplyExact(from.positions(), from.width())];
        for (int i = 0; i < values.length; i++) {
            values[i] = positions.getAtIndex(FLOAT, i);
        }
        return Objects.requireNonNull(mapping.scheme().family().resampling()).apply(values, from.width(),
                from.imageSize() / from.patchSize(), config.imageSize() / config.patchSize());
    }

    @Override
    public void close() {
        file.close();
    }
}
