// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.data.GeneratedDigits;
import dev.vitesse.data.ImageDataset;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

/** Small data sets of generated digits, as files. */
final class IdxFiles {
    static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    static final String TRAIN_LABELS = "train-labels-idx1-ubyte";

    private IdxFiles() {}

    /** Writes the four files into {@code folder} and returns it. */
    static Path write(Path folder, int train, int test) throws IOException {
        Files.createDirectories(folder);
        write(folder, "train", GeneratedDigits.draw(train, 1));
        write(folder, "t10k", GeneratedDigits.draw(test, 2));
        return folder;
    }

    private static void write(Path folder, String stem, ImageDataset digits) throws IOException {
        ByteBuffer images = ByteBuffer.allocate(16 + digits.count() * digits.imageBytes());
        images.putInt(0x803).putInt(digits.count()).putInt(digits.size()).putInt(digits.size());
        ByteBuffer labels = ByteBuffer.allocate(8 + digits.count());
        labels.putInt(0x801).putInt(digits.count());
        for (int i = 0; i < digits.count(); i++) {
            images.put(digits.image(i));
            labels.put((byte) digits.label(i));
        }
        Files.write(folder.resolve(stem + "-images-idx3-ubyte"), images.array());
        Files.write(folder.resolve(stem + "-labels-idx1-ubyte"), labels.array());
    }

    /** Writes a generated digit as PNG, {@code scale} times as large. */
    static Path png(Path file, int scale) throws IOException {
        ImageDataset digits = GeneratedDigits.draw(1, 3);
        int side = digits.size() * scale;
        BufferedImage image = new BufferedImage(side, side, BufferedImage.TYPE_BYTE_GRAY);
        for (int i = 0; i < side * side; i++) {
            int x = i % side;
            int y = i / side;
            int value = digits.image(0)[y / scale * digits.size() + x / scale] & 0xff;
            image.getRaster().setSample(x, y, 0, value);
        }
        ImageIO.write(image, "png", file.toFile());
        return file;
    }
}
