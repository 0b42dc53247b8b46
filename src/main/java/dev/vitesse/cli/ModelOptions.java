// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.io.LoadOptions;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options of every command that loads a pretrained model. */
final class ModelOptions {
    @Option(names = "--model", paramLabel = "MODEL", required = true,
            description = "A run folder, a Hugging Face folder, a file of weights (.safetensors, .npz, .pt, .pth), or the"
                    + " name of a model in the local Hugging Face cache.")
    private Path model = Path.of("");

    @Mixin
    private LoadFlags flags = new LoadFlags();

    /** What can be said about a model's files. */
    static final class LoadFlags {
        @Option(names = "--set", paramLabel = "KEY=VALUE",
                description = "What the model's files do not say, or say wrongly: num_heads=12, mean=[0.5,0.5,0.5] ...;"
                        + " 'vitesse inspect' lists the keys. May be repeated.")
        private Map<String, String> settings = new LinkedHashMap<>();

        @Option(names = "--image-size", paramLabel = "PIXELS", defaultValue = "0",
                description = "Side of the images that go into the model; its positions are resampled. Default: as the"
                        + " model's files say.")
        private int imageSize;

        @Option(names = "--names", paramLabel = "FILE",
                description = "Renames of the file's tensors to a known scheme's, one a line: OLD NEW, with # for a"
                        + " number and * for any text.")
        private @Nullable Path names;

        LoadOptions options() {
            try {
                return new LoadOptions(settings, imageSize, names);
            } catch (IllegalArgumentException e) {
                throw CommandException.usage(e.getMessage());
            }
        }
    }

    Path path() {
        return model;
    }

    LoadOptions options() {
        return flags.options();
    }
}
