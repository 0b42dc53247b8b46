// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes models for Python: a folder with {@code model.safetensors} under another library's names and the {@code
 * config.json} from which that library makes a model that takes every tensor.
 */
public final class ModelExport {
    /** The library that shall read the model. */
    public enum Library {
        TIMM,
        HUGGING_FACE,
        TORCHVISION
    }

    private final VitConfig c;
    private final String library;

    private ModelExport(VitConfig config, String library) {
        c = config;
        this.library = library;
    }

    /**
     * Writes a model.
     *
     * @param folder created if it is missing
     * @return what the library will do a little differently, in one line each; usually nothing
     * @throws IllegalArgumentException if the library has no such model; the message says what it lacks
     * @throws UnwritableFileException if a file cannot be written
     */
    public static List<String> write(Path folder, Library library, VisionTransformer model, ModelInfo info)
            throws IOException {
        VitConfig config = model.config();
        List<String> notes = new ArrayList<>();
        ModelExport export = new ModelExport(config, switch (library) {
            case TIMM -> "timm";
            case HUGGING_FACE -> "Hugging Face's transformers";
            case TORCHVISION -> "torchvision";
        });
        export.requireCommon();
        NamingScheme scheme = switch (library) {
            case TIMM -> export.timm(notes);
            case HUGGING_FACE -> export.huggingFace();
            case TORCHVISION -> export.torchvision(notes);
        };
        AtomicFiles.createFolders(folder);
        writeWeights(folder.resolve(ModelFiles.WEIGHTS), scheme, model, library);
        AtomicFiles.write(folder.resolve(ModelFiles.CONFIG), switch (library) {
            case TIMM -> ExportConfigs.timm(config, info);
            case HUGGING_FACE -> ExportConfigs.huggingFace(config, info);
            case TORCHVISION -> VitConfigs.toJson(config, info);
        });
        if (library == Library.HUGGING_FACE && info.preprocessing() != null) {
            AtomicFiles.write(folder.resolve("preprocessor_config.json"),
                    ExportConfigs.preprocessor(info.preprocessing()));
        }
        return notes;
    }

    private static void writeWeights(Path path, NamingScheme scheme, VisionTransformer model, Library library)
            throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        Map<String, float[][]> halves = new LinkedHashMap<>();
        VitConfig config = model.config();
        model.weights().named().forEach((parameter, tensor) -> {
            List<NamingScheme.Part> parts = scheme.parts(parameter);
            int rows = tensor.dim(0) / parts.size();
            for (int i = 0; i < parts.size(); i++) {
                NamingScheme.Part part = parts.get(i);
                Tensor piece = parts.size() == 1 ? tensor : tensor.rows(i * rows, rows);
                if (part.share() == NamingScheme.Share.HALF_OF_COLUMNS) {
                    halves.computeIfAbsent(part.name(), name -> new float[2][])[part.index()] = piece.toFloats();
                } else {
                    writer.add(part.name(), piece);
                }
            }
        });
        halves.forEach((name, both) -> writer.add(name, sideBySide(both, config.classes(), config.width()),
                config.classes(), 2 * config.width()));
        if (library == Library.HUGGING_FACE && config.registers() > 0) {
            // Transformers' model with registers always has one, though only pretraining reads it.
            writer.add((config.classes() == 0 ? "" : "dinov2_with_registers.") + "embeddings.mask_token",
                    new float[config.width()], 1, config.width());
        }
        writer.write(path);
    }

    private static float[] sideBySide(float[][] halves, int rows, int columns) {
        float[] both = new float[2 * rows * columns];
        for (int i = 0; i < rows; i++) {
            for (int half = 0; half < 2; half++) {
                System.arraycopy(halves[half], i * columns, both, (2 * i + half) * columns, columns);
            }
        }
        return both;
    }

    private void require(boolean condition, String what) {
        if (!condition) {
            throw new IllegalArgumentException(library + " has no Vision Transformer with " + what
                    + ": choose another format (onnx takes every model)");
        }
    }

    private void requireCommon() {
        require(c.position() == VitConfig.Position.LEARNED, "fixed sinusoidal positions");
        require(c.attentionWidth() == c.width(), "heads of width " + c.headWidth() + ", which is not the width / heads");
        require(!c.projectionNorms(), "norms round the patch projection");
        require(c.pooling() != Pooling.MEAN_OF_ALL, "the mean of all tokens");
    }

    private NamingScheme timm(List<String> notes) {
        require(c.pooling() != Pooling.CLASS_AND_MEAN, "a head that reads class token and mean");
        require(c.headHidden().isEmpty(), "hidden layers in the head");
        require(!c.patchNorm(), "a norm after the embedding beside a bias in the patch projection");
        require(c.positionedPrefix() == 0 || c.positionedPrefix() == c.prefixTokens(),
                "positions for some of the tokens before the patches");
        require(!c.distillationToken() || c.pooling() == Pooling.CLASS_AND_DISTILLATION,
                "a distillation token but one head");
        require(!c.distillationToken() || c.registers() == 0, "a distillation token and registers");
        noteEpsilon(notes);
        return NamingSchemes.timm();
    }

    private NamingScheme torchvision(List<String> notes) {
        require(c.pooling() == Pooling.CLASS_TOKEN && c.finalNorm() == FinalNorm.BEFORE_POOLING && c.classes() > 0,
                "another head than that on the class token");
        require(c.prefixTokens() == 1 && c.positionedPrefix() == 1, "registers or a distillation token");
        require(c.qkvBias() && c.layerScale() == 0 && !c.patchNorm(), "LayerScale, norm_pre or no bias for queries");
        require(c.activation() == Activation.GELU, "another activation than GELU");
        require(c.headHidden().size() <= 1, "several hidden layers in the head");
        require(c.channels() == 3, c.channels() + " channels");
        noteEpsilon(notes);
        return NamingSchemes.torchvision();
    }

    private void noteEpsilon(List<String> notes) {
        if (c.layerNormEpsilon() != 1e-6f) {
            notes.add(library + " makes its LayerNorms with an epsilon of 1e-6, this model has " + c.layerNormEpsilon()
                    + ": set it there, or answers differ slightly");
        }
    }

    private NamingScheme huggingFace() {
        require(c.finalNorm() == FinalNorm.BEFORE_POOLING, "the last norm after pooling");
        require(!c.patchNorm(), "a norm after the embedding");
        require(c.classToken() && c.pooling() != Pooling.MEAN, "the mean of the patches alone in place of a class token");
        require(c.headHidden().isEmpty() || c.classes() == 0 && c.headHidden().size() == 1 && c.layerScale() == 0,
                "hidden layers in the head");
        if (c.layerScale() > 0) {
            require(c.pooling() == Pooling.CLASS_AND_MEAN || c.classes() == 0,
                    "LayerScale whose head does not read class token and mean (DINOv2's does)");
            require(!c.distillationToken(), "LayerScale and a distillation token");
            require(c.positionedPrefix() == 1, "LayerScale where not just the class token has a position");
            require(Math.multiplyExact(c.mlpWidth() / c.width(), c.width()) == c.mlpWidth(),
                    "LayerScale and an MLP that is no multiple of the width");
            return NamingSchemes.dinov2(c.registers() > 0, c.classes() == 0);
        }
        require(c.registers() == 0, "registers but no LayerScale");
        require(c.positionedPrefix() == c.prefixTokens(), "tokens without positions");
        require(c.pooling() != Pooling.CLASS_AND_MEAN, "a head that reads class token and mean, but no LayerScale");
        return NamingSchemes.huggingFace(c.distillationToken(), c.pooling() == Pooling.CLASS_AND_DISTILLATION,
                c.classes() == 0);
    }
}
