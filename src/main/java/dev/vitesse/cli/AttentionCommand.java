// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.Attention;
import dev.vitesse.VitModel;
import dev.vitesse.image.Image;
import dev.vitesse.image.Images;
import dev.vitesse.image.Preprocessing;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vitesse attention}: where a model looked. */
@Command(name = "attention",
        description = "Draws where a model looked: the attention of its class token, or of the mean of its patches,"
                + " over the image. By default of all blocks together, by rollout (Abnar and Zuidema 2020).")
final class AttentionCommand extends CliCommand {
    @Mixin
    private ModelOptions model = new ModelOptions();

    @Option(names = "--out", paramLabel = "FILE.png", required = true, description = "The picture to write.")
    private Path out;

    @Option(names = "--block", paramLabel = "N",
            description = "Only this block, counted from 0; the mean of its heads unless --head says which.")
    private @Nullable Integer block;

    @Option(names = "--head", paramLabel = "N", description = "Only this head of --block, counted from 0.")
    private @Nullable Integer head;

    @Parameters(paramLabel = "IMAGE", description = "A JPEG, PNG, BMP, GIF or WebP file.")
    private Path image;

    @Mixin
    private DeviceOptions device;

    AttentionCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (head != null && block == null) {
            throw CommandException.usage("--head needs --block");
        }
        Image picture = Images.read(image);
        try (VitModel vit = VitModel.load(model.path(), device.open(console), 1, model.options())) {
            requireRange("--block", block, vit.config().depth());
            requireRange("--head", head, vit.config().heads());
            Preprocessing preprocessing = vit.preprocessing();
            Attention attention = vit.attention(picture);
            float[] map = attention.map(matrix(attention));
            Preprocessing.Region region = preprocessing.region(picture.width(), picture.height());
            Pictures.save(console, out, () -> HeatMap.of(picture, map, attention.grid(), region));
            print(toJson(vit, attention, map), () -> console.out().println(out + ": " + source()));
        }
        return ExitCodes.OK;
    }

    private static void requireRange(String option, @Nullable Integer value, int count) {
        if (value != null && (value < 0 || value >= count)) {
            throw CommandException.usage(option + " is " + value + "; the model has 0 to " + (count - 1));
        }
    }

    private float[] matrix(Attention attention) {
        if (block == null) {
            return attention.rollout();
        }
        return head == null ? attention.mean(block) : attention.head(block, head);
    }

    private String source() {
        if (block == null) {
            return "rollout of all blocks";
        }
        return "block " + block + (head == null ? ", mean of its heads" : ", head " + head);
    }

    private ObjectNode toJson(VitModel vit, Attention attention, float[] map) {
        ObjectNode node = Console.result().put("device", vit.device()).put("image", image.toString())
                .put("out", out.toString()).put("source", source()).put("grid", attention.grid());
        ArrayNode weights = node.putArray("map");
        for (float weight : map) {
            weights.add(weight);
        }
        return node;
    }
}
