// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Against Pillow's own results; see {@code make_golden.py} beside the files. */
class ImagesTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "rgb.bmp, rgb.png, 3", "palette.png, palette.expected.png, 3", "palette.gif, palette.expected.png, 3",
        "alpha.png, rgb.png, 3", "grey16.png, grey.png, 1", "grey1.png, grey1.expected.png, 1",
    })
    void decodesAsPillow(String file, String expected, int channels) throws Exception {
        Image image = Images.read(golden(file));
        assertThat(image.channels()).isEqualTo(channels);
        assertThat(image.pixels()).isEqualTo(Images.read(golden(expected)).pixels());
    }

    @ParameterizedTest
    @ValueSource(strings = {"baseline", "progressive", "grey"})
    void decodesJpegCloseToPillow(String name) throws Exception {
        Image image = Images.read(golden(name + ".jpg"));
        assertThat(image.channels()).isEqualTo(name.equals("grey") ? 1 : 3);
        assertClose(image.withChannels(3), Images.read(golden(name + ".expected.png")));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void turnsPhotographsUpright(int orientation) throws Exception {
        Image image = Images.read(golden("orientation." + orientation + ".jpg"));
        assertClose(image, Images.read(golden("orientation." + orientation + ".png")));
        assertThat(image.width()).isEqualTo(orientation < 5 ? 13 : 7);
    }

    static List<String> codings() throws Exception {
        try (Stream<Path> files = Files.list(golden("coding"))) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".expected.png"))
                    .sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("codings")
    void decodesEveryCodingAsPillow(String name) throws Exception {
        Image image = Images.read(golden("coding/" + name)).withChannels(3);
        Image expected = Images.read(golden("coding/" + name + ".expected.png")).withChannels(3);
        assertThat(image.width()).isEqualTo(expected.width());
        assertThat(image.pixels()).isEqualTo(expected.pixels());
    }

    private static void assertClose(Image image, Image golden) {
        assertThat(image.width()).isEqualTo(golden.width());
        byte[] actual = image.pixels();
        byte[] expected = golden.pixels();
        int largest = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs((actual[i] & 0xff) - (expected[i] & 0xff)));
        }
        // Two versions of one decoder: colour conversion rounds differently.
        assertThat(largest).isLessThanOrEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({"rgb, BOX", "rgb, BILINEAR", "rgb, BICUBIC", "rgb, LANCZOS", "grey, BOX", "grey, BILINEAR",
        "grey, BICUBIC", "grey, LANCZOS"})
    void resizesExactlyAsPillow(String name, Filter filter) throws Exception {
        Image image = Images.read(golden(name + ".png"));
        Image expected = Images.read(golden(name + "." + filter.key() + ".png"));
        int top = 0;
        for (int[] size : new int[][] {{16, 16}, {12, 29}, {37, 9}, {61, 50}, {3, 90}, {1, 1}}) {
            Image resized = Resampling.resize(image, size[0], size[1], filter);
            assertThat(resized.pixels()).as(Arrays.toString(size))
                    .isEqualTo(expected.crop(0, top, size[0], size[1]).pixels());
            top += size[1];
        }
        assertThat(top).isEqualTo(expected.height());
    }

    @Test
    void decodesWhatIsInMemory() throws Exception {
        byte[] file = Files.readAllBytes(golden("rgb.png"));
        assertThat(Images.decode(file).pixels()).isEqualTo(Images.read(golden("rgb.png")).pixels());
        assertThatThrownBy(() -> Images.decode(Arrays.copyOf(file, 100))).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith("image: cannot be decoded: ");
        assertThatThrownBy(() -> Images.decode(new byte[0])).isInstanceOf(InvalidFileException.class);
    }

    @Test
    void convertsColoursAsPillow() throws Exception {
        Image colour = Images.read(golden("rgb.png"));
        Image grey = Images.read(golden("grey.png"));
        assertThat(colour.withChannels(1).pixels()).isEqualTo(grey.pixels());
        assertThat(grey.withChannels(3).withChannels(1).pixels()).isEqualTo(grey.pixels());
    }

    @Test
    void refusesWhatIsNoImage() throws IOException {
        assertRefused(folder.resolve("none.png"), "does not exist");
        assertRefused(folder, "is a folder");
        assertRefused(Files.writeString(folder.resolve("text.png"), "not an image"), "is of no known image format");
        assertRefused(Files.write(folder.resolve("empty.png"), new byte[0]), "is of no known image format");
    }

    @Test
    void refusesBombsBeforeDecoding() throws Exception {
        byte[] png = Files.readAllBytes(golden("rgb.png"));
        // The header's width and height, and its checksum.
        ByteBuffer.wrap(png).putInt(16, 100_000).putInt(20, 100_000);
        CRC32 crc = new CRC32();
        crc.update(png, 12, 17);
        ByteBuffer.wrap(png).putInt(29, (int) crc.getValue());
        assertRefused(Files.write(folder.resolve("bomb.png"), png), "has 100000 x 100000 pixels, more than the");
    }

    @Test
    void refusesSizesThatAFileCannotHold() throws Exception {
        // Where the height and the width are: 9000 x 9000 pixels would pass as a size.
        byte[] jpeg = Files.readAllBytes(golden("coding/420.jpg"));
        int frame = indexOf(jpeg, (byte) 0xff, (byte) 0xc0);
        ByteBuffer.wrap(jpeg).putShort(frame + 5, (short) 9000).putShort(frame + 7, (short) 9000);
        assertRefused(Files.write(folder.resolve("bomb.jpg"), jpeg),
                "says that it has 9000 x 9000 pixels, more than its " + jpeg.length + " bytes can hold");
        byte[] gif = Files.readAllBytes(golden("coding/offset.gif"));
        ByteBuffer.wrap(gif).order(ByteOrder.LITTLE_ENDIAN).putShort(6, (short) 20_000).putShort(8, (short) 20_000);
        assertRefused(Files.write(folder.resolve("bomb.gif"), gif), "has 20000 x 20000 pixels, more than the");
        byte[] webp = Files.readAllBytes(golden("coding/lossless.webp"));
        // 14 bits each: both sides 16384.
        ByteBuffer.wrap(webp).order(ByteOrder.LITTLE_ENDIAN).putInt(21, webp[24] << 24 | 0xfffffff);
        assertRefused(Files.write(folder.resolve("bomb.webp"), webp), "has 16384 x 16384 pixels, more than the");
    }

    private static int indexOf(byte[] bytes, byte first, byte second) {
        return IntStream.range(0, bytes.length - 1).filter(i -> bytes[i] == first && bytes[i + 1] == second)
                .findFirst().orElseThrow();
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb.png", "baseline.jpg", "progressive.jpg", "rgb.bmp", "palette.gif", "palette.png",
        "orientation.6.jpg", "coding/cmyk.jpg", "coding/lossy50.webp", "coding/lossless.webp", "coding/alpha.webp",
        "coding/animated.webp", "coding/offset.gif", "coding/interlaced.png", "coding/rle.bmp"})
    void refusesCutFiles(String name) throws Exception {
        byte[] whole = Files.readAllBytes(golden(name));
        for (int part = 1; part < 10; part++) {
            Path cut = Files.write(folder.resolve("cut"), Arrays.copyOf(whole, whole.length * part / 10));
            assertThatThrownBy(() -> Images.read(cut)).as(part + " tenths").isInstanceOf(InvalidFileException.class);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"rgb.png", "baseline.jpg", "progressive.jpg", "rgb.bmp", "palette.gif", "grey16.png",
        "orientation.6.jpg", "coding/cmyk.jpg", "coding/lossy50.webp", "coding/lossless.webp", "coding/animated.webp",
        "coding/offset.gif", "coding/rle.bmp"})
    void survivesDamage(String name) throws Exception {
        byte[] whole = Files.readAllBytes(golden(name));
        Random random = new Random(2);
        Path damaged = folder.resolve("damaged");
        for (int i = 0; i < 100; i++) {
            byte[] bytes = whole.clone();
            bytes[random.nextInt(i % 2 == 0 ? bytes.length : 60)] = (byte) random.nextInt();
            Files.write(damaged, bytes);
            try {
                Images.read(damaged);
            } catch (InvalidFileException e) {
                assertThat(e.getMessage()).startsWith(damaged.toString()).doesNotContain("\n");
            }
        }
    }

    @Test
    void preprocesses() throws Exception {
        Image image = Images.read(golden("rgb.png"));
        float[] squashed = Preprocessing.squash(3, 16, 0.5f, 0.25f).apply(image);
        byte[] resized = Resampling.resize(image, 16, 16, Filter.BILINEAR).pixels();
        assertThat(squashed).hasSize(3 * 256);
        assertThat(squashed[256 + 17]).isEqualTo(((resized[17 * 3 + 1] & 0xff) / 255f - 0.5f) / 0.25f);

        Preprocessing crop = new Preprocessing(1, 16, 20, Filter.BICUBIC, java.util.List.of(0f), java.util.List.of(1f));
        // 37 x 29 becomes 25 x 20; (25 - 16) / 2 = 4.5 rounds to 4.
        byte[] cropped = Resampling.resize(image.withChannels(1), 25, 20, Filter.BICUBIC).crop(4, 2, 16, 16).pixels();
        assertThat(crop.apply(image)[5]).isEqualTo((cropped[5] & 0xff) / 255f);
        assertThat(crop.apply(image)).hasSize(256);
    }

    private static void assertRefused(Path path, String problem) {
        assertThatThrownBy(() -> Images.read(path)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(path + ": ").hasMessageContaining(problem).hasMessageContaining("; ");
    }

    private static Path golden(String name) throws URISyntaxException {
        return Path.of(ImagesTest.class.getResource("/image/" + name).toURI());
    }
}
