// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.cpu.CpuBackendProvider;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

/**
 * Runs the commands that answer soon with a tiny model, so that the JVM can write down which classes they use: the list
 * from which {@code scripts/vitesse} has its archive of classes made.
 */
final class ClassTour {
    private static final int SIDE = 32;

    private ClassTour() {}

    /** Writes model, images and answers into the folder that the only argument names; fails if a command does. */
    public static void main(String[] args) throws IOException {
        CpuBackendProvider.rehearse();
        Path folder = Path.of(args[0]);
        String timm = folder.resolve("timm").toString();
        String hf = folder.resolve("hf").toString();
        String jpeg = picture(folder, "jpg");
        String png = picture(folder, "png");
        saveModel(Path.of(timm));
        run("export", "--model", timm, "--format", "hf", "--out", hf);
        for (String model : List.of(timm, hf)) {
            run("classify", "--device", "cpu", "--model", model, jpeg);
        }
        run("classify", "--device", "cpu", "--model", hf, "--json", png, jpeg);
        run("features", "--device", "cpu", "--model", hf, "--out", folder.resolve("features.npy").toString(), jpeg);
        run("attention", "--device", "cpu", "--model", hf, "--out", folder.resolve("attention.png").toString(), jpeg);
        run("inspect", hf);
        // What a command without --device asks first.
        Backends.devices();
    }

    private static String picture(Path folder, String format) throws IOException {
        Path file = folder.resolve("image." + format);
        ImageIO.write(new BufferedImage(2 * SIDE, 2 * SIDE, BufferedImage.TYPE_INT_RGB), format, file.toFile());
        return file.toString();
    }

    private static void saveModel(Path folder) throws IOException {
        VitConfig config = VitConfig.builder().imageSize(SIDE).patchSize(16).width(64).depth(1).heads(1).mlpWidth(128)
                .classes(10).build();
        try (Backend backend = Backends.open("cpu");
                VisionTransformer model = VisionTransformer.create(config, backend, 0)) {
            ModelFiles.save(folder, model, new ModelInfo(List.of(), Preprocessing.squash(3, SIDE, 0.5f, 0.5f)));
        }
    }

    private static void run(String... command) {
        int exitCode = Main.run(Console.ofProcess(), command);
        if (exitCode != ExitCodes.OK) {
            throw new IllegalStateException(String.join(" ", command) + " ended with exit code " + exitCode);
        }
    }
}
