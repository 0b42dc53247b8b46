// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelExport;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.onnx.OnnxExport;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vitesse export}: a model for another library. */
@Command(name = "export", description = "Writes a model so that another library loads it: timm, Hugging Face's"
        + " transformers, torchvision (a folder with model.safetensors and config.json), or ONNX (one file).")
final class ExportCommand extends CliCommand {
    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--format", paramLabel = "FORMAT", required = true,
            description = "One of ${COMPLETION-CANDIDATES}.")
    private Format format = Format.TIMM;

    @Option(names = "--out", paramLabel = "PATH", required = true,
            description = "The folder, or for onnx the file, which must not exist yet.")
    private Path out = Path.of("");

    private enum Format {
        TIMM,
        HF,
        TORCHVISION,
        ONNX;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    ExportCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (Files.exists(out)) {
            throw new CommandException(ExitCodes.CANNOT_WRITE, out + ": exists already; choose another name");
        }
        // Nothing is computed: the CPU holds the weights.
        try (Backend backend = Backends.open("cpu");
                LoadedModel loaded = ModelFiles.load(model.path(), backend, model.options())) {
            for (String note : write(loaded)) {
                console.warning(note);
            }
        }
        print(Console.result().put("format", format.toString()).put("out", out.toString()),
                () -> console.out().println("written: " + out));
        return ExitCodes.OK;
    }

    private List<String> write(LoadedModel loaded) throws IOException {
        try {
            return switch (format) {
                case TIMM -> write(loaded, ModelExport.Library.TIMM);
                case HF -> write(loaded, ModelExport.Library.HUGGING_FACE);
                case TORCHVISION -> write(loaded, ModelExport.Library.TORCHVISION);
                case ONNX -> {
                    OnnxExport.write(out, loaded.model(), loaded.info());
                    yield List.of();
                }
            };
        } catch (IllegalArgumentException e) {
            throw new CommandException(ExitCodes.BAD_INPUT, model.path() + ": " + e.getMessage());
        }
    }

    private List<String> write(LoadedModel loaded, ModelExport.Library library) throws IOException {
        return ModelExport.write(out, library, loaded.model(), loaded.info());
    }
}
