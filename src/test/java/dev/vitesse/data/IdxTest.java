// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.io.InvalidFileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfEnvironmentVariable;
import org.junit.jupiter.api.io.TempDir;

class IdxTest {
    private static final byte[] PIXELS = {0, 1, 2, 3, -1, -2, -3, -4, 5, 6, 7, 8};

    @TempDir
    Path folder;

    private Path images;
    private Path labels;

    @BeforeEach
    void write() throws IOException {
        images = Files.write(folder.resolve("train-images-idx3-ubyte"), idx(PIXELS, 0x803, 3, 2, 2));
        labels = Files.write(folder.resolve("train-labels-idx1-ubyte"), idx(new byte[] {9, 0, 4}, 0x801, 3));
    }

    @Test
    void readsEverySpelling() throws IOException {
        assertRead();
        compress(images, "train-images-idx3-ubyte.gz");
        compress(labels, "train-labels-idx1-ubyte.gz");
        assertRead();
        Files.move(folder.resolve("train-images-idx3-ubyte.gz"), folder.resolve("train-images.idx3-ubyte.gz"));
        Files.move(folder.resolve("train-labels-idx1-ubyte.gz"), folder.resolve("train-labels.idx1-ubyte"));
        assertRead();
    }

    private void assertRead() throws IOException {
        ImageDataset data = Idx.train(folder);
        assertThat(data.count()).isEqualTo(3);
        assertThat(data.size()).isEqualTo(2);
        assertThat(data.image(1)).containsExactly(-1, -2, -3, -4);
        assertThat(new int[] {data.label(0), data.label(1), data.label(2)}).containsExactly(9, 0, 4);
    }

    private void compress(Path path, String name) throws IOException {
        Files.write(folder.resolve(name), gzip(Files.readAllBytes(path)));
        Files.delete(path);
    }

    @Test
    void namesWhatIsMissing() throws IOException {
        assertThatThrownBy(() -> Idx.test(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining(folder + ": has no t10k-images-idx3-ubyte");
        assertThatThrownBy(() -> Idx.train(folder.resolve("none"))).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("does not exist");
        assertThatThrownBy(() -> Idx.train(images)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("is not a folder");
    }

    @Test
    void refusesMalformedFiles() throws IOException {
        assertImagesRefused(idx(PIXELS, 0x801, 3, 2, 2), "starts with 0x00000801, not with 0x00000803: it is a labels");
        assertImagesRefused(idx(PIXELS, 0x12345678, 3, 2, 2), "no IDX file of bytes");
        assertImagesRefused(new byte[0], "ends within its header");
        assertImagesRefused(new byte[] {0, 0, 8, 3, 0, 0}, "ends within its header");
        assertImagesRefused(idx(PIXELS, 0x803, 3, 2, 3), "images of 2 x 3 pixels");
        assertImagesRefused(idx(PIXELS, 0x803, 3, 0, 0), "images of 0 x 0 pixels");
        assertImagesRefused(idx(PIXELS, 0x803, 3, 50000, 50000), "images of 50000 x 50000 pixels");
        assertImagesRefused(idx(PIXELS, 0x803, 0, 2, 2), "holds 0 entries");
        assertImagesRefused(idx(PIXELS, 0x803, -1, 2, 2), "holds 4294967295 entries");
        assertImagesRefused(idx(Arrays.copyOf(PIXELS, 8), 0x803, 2, 2, 2),
                "holds 2 images, but train-labels-idx1-ubyte 3 labels");
        assertImagesRefused(idx(Arrays.copyOf(PIXELS, 11), 0x803, 3, 2, 2),
                "is cut short: its header announces 12 bytes, 11 are there");
        assertImagesRefused(idx(PIXELS, 0x803, 3, 4096, 4096), "announces 50331648 bytes, 12 are there");
        assertImagesRefused(idx(Arrays.copyOf(PIXELS, 13), 0x803, 3, 2, 2), "goes on after the 12 bytes");
    }

    @Test
    void refusesMalformedCompressedFiles() throws IOException {
        byte[] whole = gzip(idx(PIXELS, 0x803, 3, 2, 2));
        assertImagesRefused(Arrays.copyOf(whole, whole.length - 12), "is cut short");
        assertImagesRefused(Arrays.copyOf(whole, 5), "is not valid gzip");
        byte[] wrongChecksum = whole.clone();
        wrongChecksum[whole.length - 6] ^= 1;
        assertImagesRefused(wrongChecksum, "is not valid gzip");
        assertImagesRefused(gzip(idx(PIXELS, 0x803, 3, 4096, 4096)), "fewer are there");
        assertImagesRefused(gzip(idx(Arrays.copyOf(PIXELS, 13), 0x803, 3, 2, 2)), "goes on after");
    }

    @Test
    void refusesWrongLabels() throws IOException {
        Files.write(labels, idx(new byte[] {9, 10, 4}, 0x801, 3));
        assertThatThrownBy(() -> Idx.train(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessage(labels + ": label 1 is 10; labels must be 0 to 9");
        Files.write(labels, idx(new byte[] {9, 4}, 0x801, 3));
        assertThatThrownBy(() -> Idx.train(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining(labels + ": is cut short");
        Files.write(labels, Files.readAllBytes(images));
        assertThatThrownBy(() -> Idx.train(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("it is an images file");
    }

    @Test
    void survivesDamage() throws IOException {
        byte[] plain = Files.readAllBytes(images);
        byte[] compressed = gzip(plain);
        Random random = new Random(1);
        for (int i = 0; i < 500; i++) {
            byte[] bytes = (i % 2 == 0 ? plain : compressed).clone();
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            bytes = Arrays.copyOf(bytes, random.nextInt(4) == 0 ? random.nextInt(bytes.length) : bytes.length);
            Files.write(images, bytes);
            try {
                assertThat(Idx.train(folder).count()).isEqualTo(3);
            } catch (InvalidFileException e) {
                assertThat(e.getMessage()).startsWith(images.toString()).doesNotContain("\n");
            }
        }
    }

    @Test
    @EnabledIfEnvironmentVariable(named = MnistSource.VARIABLE, matches = ".+", disabledReason = "needs MNIST's files")
    void readsMnist() throws IOException {
        Path mnist = Path.of(System.getenv(MnistSource.VARIABLE));
        ImageDataset train = Idx.train(mnist);
        assertThat(train.count()).isEqualTo(60_000);
        assertThat(Idx.test(mnist).count()).isEqualTo(10_000);
        // The usual constants of MNIST.
        assertThat(train.mean().getFirst()).isCloseTo(0.1307f, org.assertj.core.api.Assertions.within(1e-4f));
        assertThat(train.std().getFirst()).isCloseTo(0.3081f, org.assertj.core.api.Assertions.within(1e-4f));
    }

    private void assertImagesRefused(byte[] bytes, String problem) throws IOException {
        Files.write(images, bytes);
        assertThatThrownBy(() -> Idx.train(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(images + ": ").hasMessageContaining(problem).hasMessageContaining("; ");
    }

    static byte[] idx(byte[] body, int... header) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * header.length + body.length);
        Arrays.stream(header).forEach(bytes::putInt);
        return bytes.put(body).array();
    }

    static byte[] gzip(byte[] bytes) throws IOException {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(compressed)) {
            out.write(bytes);
        }
        return compressed.toByteArray();
    }
}
