// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Tensor;
import dev.vitesse.model.VitConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Weights in NumPy's and PyTorch's files; {@code make_containers.py} beside them says how they came about. */
class ContainersTest {
    private static final VitConfig MNIST = VitConfig.builder().imageSize(28).patchSize(4).channels(1).width(8).depth(2)
            .heads(2).mlpWidth(32).classes(10).build();

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"mnist.google.npz, Google ViT", "mnist.timm.pth, timm"})
    void holdTheSameWeights(String name, String scheme) throws Exception {
        Path path = Files.copy(golden(name), folder.resolve(name));
        writeConfig(MNIST);
        try (Backend backend = Backends.open("reference");
                LoadedModel loaded = ModelFiles.load(path, backend);
                LoadedModel expected = ModelFiles.load(golden("mnist.timm.safetensors"), backend)) {
            assertThat(loaded.scheme().title()).isEqualTo(scheme);
            Map<String, Tensor> weights = loaded.model().weights().named();
            expected.model().weights().named().forEach((parameter, tensor) ->
                    assertThat(weights.get(parameter).toFloats()).as(parameter).containsExactly(tensor.toFloats()));
        }
    }

    /** Found by fuzzing: the JDK answers with an EOFException where an archive's comment is missing. */
    @Test
    void refuseAnArchiveThatEndsBeforeItsComment() throws Exception {
        ByteBuffer zip = ByteBuffer.allocate(4 + 4 + 22).order(ByteOrder.LITTLE_ENDIAN);
        zip.putInt(0x04034b50); // an entry
        zip.putInt(0x02014b50); // the directory: 4 bytes from offset 4 on
        zip.putInt(0x06054b50).putInt(0).putShort((short) 1).putShort((short) 1).putInt(4).putInt(4);
        zip.putShort((short) 10);
        Path path = Files.write(folder.resolve("a.pt"), zip.array());
        assertThatThrownBy(() -> TensorFiles.open(path)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("is not a valid zip archive: it is cut short");
        assertThatThrownBy(() -> Npz.open(path)).isInstanceOf(InvalidFileException.class);
    }

    /** The heads of Google's files show in their shapes: another number must not pass. */
    @Test
    void refuseAnotherNumberOfHeads() throws Exception {
        Path path = Files.copy(golden("mnist.google.npz"), folder.resolve("a.npz"));
        writeConfig(MNIST.toBuilder().heads(4).headWidth(2).build());
        try (Backend backend = Backends.open("reference")) {
            assertThatThrownBy(() -> ModelFiles.load(path, backend)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("Attention_1/query/kernel is [8, 2, 4], expected [8, 4, 2]");
        }
    }

    private void writeConfig(VitConfig config) throws IOException {
        Files.writeString(folder.resolve("config.json"), VitConfigs.toJson(config, ModelInfo.NONE));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }     | array a is in Fortran order",
        "{'descr': '<U4', 'fortran_order': False, 'shape': (2,), }    | array a has the type <U4",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }    | array a has the type >f4",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }    | needs 80 bytes of a.npy, which has 76",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }   | not NumPy's usual one",
        "{'descr': '<f4', 'shape': (2,), }                            | not NumPy's usual one",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999), } | larger than 2^63",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), } | has the shape",
    }, quoteCharacter = '`')
    void refuseUnusualArrays(String header, String problem) throws IOException {
        assertRefused(npz("a.npy", header), problem);
    }

    @Test
    void readSmallArrays() throws IOException {
        String header = "{'descr': '|V2', 'fortran_order': False, 'shape': (2, 2), }";
        try (TensorFile file = TensorFiles.open(npz("x/a.npy", header))) {
            assertThat(file.tensors().get("x/a").describe()).isEqualTo("x/a BF16[2, 2]");
            assertThat(file.floats("x/a")).containsExactly(0, 0, 0, 0);
        }
        String scalar = "{'descr': '<f8', 'fortran_order': False, 'shape': (), }";
        try (TensorFile file = TensorFiles.open(npz("a.npy", scalar))) {
            assertThat(file.floats("a")).containsExactly(0);
        }
        assertRefused(npz("a.txt", header), "holds a.txt");
    }

    /** An array of eight zero bytes. */
    private Path npz(String entry, String header) throws IOException {
        byte[] text = (header + "\n").getBytes(StandardCharsets.US_ASCII);
        ByteArrayOutputStream array = new ByteArrayOutputStream();
        array.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) text.length, 0});
        array.write(text);
        array.write(new byte[8]);
        return zip("made.npz", entry, array.toByteArray());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "cos|system|)R.|its pickle asks for os.system; save",
        "cbuiltins|eval|)R.|its pickle asks for builtins.eval; save",
        "ctorch|FloatStorage|)R.|its pickle calls torch FloatStorage",
    })
    void neverCallAnything(String first, String second, String rest, String problem) throws IOException {
        assertPickleRefused(first + "\n" + second + "\n" + rest, problem);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "]i.     | its pickle uses the opcode 0x69 at byte 3",
        "}       | its pickle is cut short",
        "].      | does not hold a dictionary",
        "t       | does not fit together",
        ".       | does not fit together",
        "}}}s.   | whose keys are not strings",
        "}(K1Nu. | entry 49 is no tensor",
        "hX      | refers to entry 88 of its memo",
        "NNb     | sets the state of something",
    })
    void refusePicklesThatDoNotFitTogether(String pickle, String problem) throws IOException {
        assertPickleRefused(pickle, problem);
    }

    private void assertPickleRefused(String pickle, String problem) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(new byte[] {(byte) 0x80, 2});
        bytes.write(pickle.getBytes(StandardCharsets.ISO_8859_1));
        assertRefused(zip("made.pth", "archive/data.pkl", bytes.toByteArray()), problem);
    }

    @Test
    void refuseOtherFiles() throws IOException {
        assertRefused(Files.write(folder.resolve("old.pth"), new byte[] {(byte) 0x80, 2, '}', '.'}), "old format");
        assertRefused(Files.write(folder.resolve("cut.npz"), new byte[] {'P', 'K', 3, 4, 0}), "not a valid zip");
        assertRefused(folder.resolve("none.npz"), "does not exist");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mnist.google.npz", "mnist.timm.pth"})
    void surviveDamage(String name) throws Exception {
        byte[] whole = Files.readAllBytes(golden(name));
        Random random = new Random(3);
        Path damaged = folder.resolve(name);
        for (int i = 0; i < 400; i++) {
            byte[] bytes = whole.clone();
            for (int changes = random.nextInt(4); changes >= 0; changes--) {
                int searched = i % 2 == 0 ? bytes.length : Math.min(bytes.length, 8000);
                bytes[random.nextInt(searched)] = (byte) random.nextInt();
            }
            bytes = i % 5 == 0 ? Arrays.copyOf(bytes, random.nextInt(bytes.length)) : bytes;
            Files.write(damaged, bytes);
            try (TensorFile file = TensorFiles.open(damaged)) {
                for (String tensor : file.tensors().keySet()) {
                    file.floats(tensor);
                }
            } catch (InvalidFileException e) {
                assertThat(e.getMessage()).startsWith(damaged.toString()).doesNotContain("\n");
            }
        }
    }

    private static void assertRefused(Path path, String problem) {
        assertThatThrownBy(() -> TensorFiles.open(path)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(path + ": ").hasMessageContaining(problem);
    }

    private Path zip(String file, String entry, byte[] contents) throws IOException {
        Path path = folder.resolve(file);
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(path))) {
            zip.putNextEntry(new ZipEntry(entry));
            zip.write(contents);
        }
        return path;
    }

    private static Path golden(String name) throws Exception {
        return Path.of(Objects.requireNonNull(ContainersTest.class.getResource("/golden/" + name)).toURI());
    }
}
