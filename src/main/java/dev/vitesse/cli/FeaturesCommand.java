// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.Features;
import dev.vitesse.VitModel;
import dev.vitesse.io.NpyWriter;
import dev.vitesse.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vitesse features}: images as vectors. */
@Command(name = "features",
        description = "Writes what a model makes of images before its head: a vector for each, to compare, cluster or"
                + " search them by. Images that cannot be read are reported and skipped, as by classify.")
final class FeaturesCommand extends CliCommand {
    private static final int AHEAD = 8;

    /** Which vector goes into a file that holds one. */
    enum Vector { CLASS_TOKEN, PATCH_MEAN, POOLED }

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--out", paramLabel = "FILE", required = true,
            description = "FILE.npy: one vector per image, a matrix [images, D]. FILE.safetensors: class_token and"
                    + " patch_mean [images, D], and the images' names in the metadata.")
    private Path out;

    @Option(names = "--vector", paramLabel = "NAME", defaultValue = "pooled",
            description = "What goes into FILE.npy: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}, what the"
                    + " head reads.")
    private Vector vector = Vector.POOLED;

    @Option(names = "--blocks",
            description = "Also write each block's tokens into FILE.safetensors: block.0 ... [images, T, D].")
    private boolean blocks;

    @Parameters(paramLabel = "IMAGE", arity = "1..*",
            description = "JPEG, PNG, BMP, GIF or WebP files; of a folder, those in it and in the folders below.")
    private List<Path> images;

    @Mixin
    private DeviceOptions device;

    private final List<String> names = new ArrayList<>();
    private final Map<String, String> failures = new LinkedHashMap<>();
    private final Map<String, List<float[]>> tensors = new LinkedHashMap<>();

    FeaturesCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        boolean npy = out.toString().endsWith(".npy");
        if (!npy && !out.toString().endsWith(".safetensors")) {
            throw CommandException.usage("--out is " + out + "; it must end in .npy or .safetensors");
        }
        if (npy && blocks) {
            throw CommandException.usage("--blocks needs --out FILE.safetensors: FILE.npy holds one matrix");
        }
        List<Path> files = ImageFiles.of(images, e -> fail(String.valueOf(e.getMessage()), e + "; cannot be listed"));
        try (VitModel vit = VitModel.load(model.path(), device.open(console), 1, model.options());
                PreparedImages prepared = new PreparedImages(vit, files, AHEAD);
                CountProgress progress = new CountProgress(console, "images", files.size())) {
            vit.preprocessing();
            if (npy && vector == Vector.CLASS_TOKEN && !vit.config().classToken()) {
                throw CommandException.usage("--vector is class_token, but the model has no class token");
            }
            for (List<PreparedImages.Prepared> next = prepared.next(); !next.isEmpty(); next = prepared.next()) {
                for (PreparedImages.Prepared image : next) {
                    add(vit, image, npy, progress);
                    progress.advance(1);
                }
            }
            progress.clear();
            if (!names.isEmpty()) {
                write(vit, npy);
            }
            conclude(vit, progress);
        }
        return failures.isEmpty() ? ExitCodes.OK : names.isEmpty() ? ExitCodes.BAD_INPUT : ExitCodes.FAILED;
    }

    private void fail(String image, String problem) {
        console.error(problem);
        failures.put(image, problem);
    }

    private void add(VitModel vit, PreparedImages.Prepared image, boolean npy, CountProgress progress) {
        if (image.values() == null) {
            progress.clear();
            fail(image.file().toString(), String.valueOf(image.problem()));
            return;
        }
        names.add(image.file().toString());
        Features features = vit.features(image.values());
        if (npy) {
            put(vector.name(), switch (vector) {
                case CLASS_TOKEN -> features.classToken();
                case PATCH_MEAN -> features.patchMean();
                case POOLED -> features.pooled();
            });
            return;
        }
        put("class_token", features.classToken());
        put("patch_mean", features.patchMean());
        for (int block = 0; blocks && block < features.blocks().size(); block++) {
            put("block." + block, features.blocks().get(block));
        }
    }

    private void put(String name, float @Nullable [] values) {
        if (values != null) {
            tensors.computeIfAbsent(name, key -> new ArrayList<>()).add(values);
        }
    }

    private void write(VitModel vit, boolean npy) throws IOException {
        int width = vit.config().width();
        if (npy) {
            NpyWriter.write(out, tensors.get(vector.name()), width);
            return;
        }
        SafetensorsWriter writer = new SafetensorsWriter()
                .metadata("images", new ObjectMapper().writeValueAsString(names));
        tensors.forEach((name, rows) -> {
            int[] shape = name.startsWith("block.") ? new int[] {rows.size(), vit.config().tokens(), width}
                    : new int[] {rows.size(), width};
            writer.add(name, joined(name, rows), shape);
        });
        writer.write(out);
    }

    private static float[] joined(String name, List<float[]> rows) {
        int length = rows.getFirst().length;
        if ((long) length * rows.size() > Integer.MAX_VALUE - 8) {
            throw CommandException.usage(rows.size() + " images make " + name + " larger than one tensor can be;"
                    + " give fewer at a time");
        }
        float[] all = new float[length * rows.size()];
        for (int i = 0; i < rows.size(); i++) {
            System.arraycopy(rows.get(i), 0, all, i * length, length);
        }
        return all;
    }

    private void conclude(VitModel vit, CountProgress progress) {
        ObjectNode node = Console.result().put("device", vit.device()).put("out", out.toString())
                .put("width", vit.config().width());
        ArrayNode rows = node.putArray("images");
        names.forEach(rows::add);
        ArrayNode failed = node.putArray("failed");
        failures.forEach((image, problem) -> failed.addObject().put("image", image).put("problem", problem));
        print(node, () -> console.out().printf(Locale.ROOT, "%s: %d vectors of %d%n", out, names.size(),
                vit.config().width()));
        int all = names.size() + failures.size();
        if (all > 1) {
            console.message(String.format(Locale.ROOT, "%d images, %.1f images/s; %d of %d could not be read",
                    names.size(), progress.perSecond(), failures.size(), all));
        }
    }
}
