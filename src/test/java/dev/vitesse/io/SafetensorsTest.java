// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SafetensorsTest {
    @TempDir
    Path folder;

    @Test
    void returnsWhatWasWritten() throws IOException {
        Path path = folder.resolve("a.safetensors");
        float[] floats = {0f, -0f, 1.5f, Float.MIN_VALUE, Float.MAX_VALUE, Float.NEGATIVE_INFINITY};
        new SafetensorsWriter()
                .add("weights", floats, 2, 3)
                .add("steps \"quoted\" \u00e9", new int[] {Integer.MIN_VALUE, 7}, 2)
                .add("scalar", new float[] {42}, new int[0])
                .add("empty", new float[0], 0, 5)
                .metadata("schedule", "cosine\n\u4e2d")
                .write(path);
        try (Safetensors file = Safetensors.open(path)) {
            assertThat(file.metadata()).containsExactly(Map.entry("schedule", "cosine\n\u4e2d"));
            assertThat(file.tensors().keySet())
                    .containsExactly("weights", "steps \"quoted\" \u00e9", "scalar", "empty");
            assertThat(file.floats("weights")).containsExactly(floats);
            assertThat(file.longs("steps \"quoted\" \u00e9")).containsExactly(Integer.MIN_VALUE, 7);
            assertThat(file.tensors().get("scalar").shape()).isEmpty();
            assertThat(file.floats("scalar")).containsExactly(42);
            assertThat(file.floats("empty")).isEmpty();
            assertThat(file.tensors().get("empty").shape()).containsExactly(0, 5);
        }
    }

    @Test
    void convertsEveryFloatingPointType() throws IOException {
        float[] expected = {1.5f, -2, 0.09375f, 65504};
        ByteBuffer doubles = little(32);
        ByteBuffer halves = little(8);
        ByteBuffer bfloats = little(8);
        for (float x : expected) {
            doubles.putDouble(x);
            halves.putShort(Float.floatToFloat16(x));
            bfloats.putShort((short) (Float.floatToRawIntBits(x) >>> 16));
        }
        Path path = folder.resolve("types.safetensors");
        new SafetensorsWriter()
                .add("F64", StoredType.F64, new long[] {4}, MemorySegment.ofArray(doubles.array()))
                .add("F16", StoredType.F16, new long[] {4}, MemorySegment.ofArray(halves.array()))
                .add("BF16", StoredType.BF16, new long[] {4}, MemorySegment.ofArray(bfloats.array()))
                .write(path);
        try (Safetensors file = Safetensors.open(path); Arena arena = Arena.ofConfined()) {
            assertThat(file.floats("F64")).containsExactly(expected);
            assertThat(file.floats("F16")).containsExactly(expected);
            assertThat(file.floats("BF16")).containsExactly(1.5f, -2, 0.09375f, 65280);
            MemorySegment converted = file.float32("F16", arena);
            assertThat(converted.toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT)).containsExactly(expected);
        }
    }

    @Test
    void readsIntegersOnlyAsIntegers() throws IOException {
        Path path = folder.resolve("integers.safetensors");
        new SafetensorsWriter()
                .add("I64", StoredType.I64, new long[] {1}, MemorySegment.ofArray(little(8).putLong(-5).array()))
                .add("U8", StoredType.U8, new long[] {2}, MemorySegment.ofArray(new byte[] {-1, 1}))
                .write(path);
        try (Safetensors file = Safetensors.open(path); Arena arena = Arena.ofConfined()) {
            assertThat(file.longs("I64")).containsExactly(-5);
            assertThat(file.longs("U8")).containsExactly(255, 1);
            assertThatThrownBy(() -> file.float32("I64", arena)).isInstanceOf(InvalidFileException.class)
                    .hasMessageContaining("tensor I64 I64[1] is not of a floating-point type");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "[]                                                                              | 0 | does not start with '{'",
        "{\"a\":1}                                                                       | 0 | tensor a is not described",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} x              | 4 | not valid JSON",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} {}             | 4 | after its closing brace",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}                 | 4 | not valid JSON",
        "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[1],\"data_offsets\":[0,1]}}            | 1 | has the type F8_E4M3",
        "{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,1]}}                      | 1 | dtype is not a string",
        "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}                                  | 4 | has no dtype",
        "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}                              | 4 | has no shape",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}                                       | 4 | has no data_offsets",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}               | 4 | holds '-1'",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}              | 4 | holds '1.0'",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":[0,4]}} | 4 | not an integer from 0",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}} | 0 | larger than 2^63",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}} | 0 | larger than 2^63",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}                | 4 | needs 8 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}                | 4 | needs 4 bytes",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}              | 4 | more than 2 entries",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}                | 8 | starts at byte 4",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}                | 3 | is cut short",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}                | 5 | has 1 bytes after its last",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} | 4 | starts at byte 0",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}} | 8 | Duplicate",
        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}} | 4 | Duplicate",
        "{\"__metadata__\":{\"a\":1}}                                                    | 0 | 'a' is not a string",
        "{\"__metadata__\":[]}                                                           | 0 | __metadata__ is not an object",
        "{\"__metadata__\":{\"a\":\"\u0001\"}}                                           | 0 | not valid JSON",
    })
    void refusesMalformedHeaders(String header, int dataBytes, String problem) throws IOException {
        Path path = write(header.getBytes(StandardCharsets.UTF_8), dataBytes);
        assertRefused(path, problem);
    }

    @Test
    void acceptsWhatTheFormatAllows() throws IOException {
        String tensor = "\"shape\":[],\"extra\":{\"x\":[1]},\"data_offsets\":[0,2],\"dtype\":\"BF16\"";
        try (Safetensors file = Safetensors.open(write(("{\"a\":{" + tensor + "}}    ").getBytes(), 2))) {
            assertThat(file.tensors().get("a").elements()).isEqualTo(1);
        }
        try (Safetensors file = Safetensors.open(write("{}".getBytes(), 0))) {
            assertThat(file.tensors()).isEmpty();
        }
    }

    @Test
    void refusesOtherEncodings() throws IOException {
        assertRefused(write("{}".getBytes(StandardCharsets.UTF_16LE), 0), "not valid JSON");
        byte[] latin1 = "{\"__metadata__\":{\"a\":\"\u00e9\"}}".getBytes(StandardCharsets.ISO_8859_1);
        assertRefused(write(latin1, 0), "is not UTF-8");
    }

    @Test
    void refusesWrongHeaderLengths() throws IOException {
        Path path = folder.resolve("length.safetensors");
        for (long length : new long[] {0, 1, 1000, 100_000_001, Long.MAX_VALUE, -1}) {
            Files.write(path, little(10).putLong(length).put((byte) '{').put((byte) '}').array());
            assertRefused(path, "header");
        }
        Files.write(path, new byte[7]);
        assertRefused(path, "has only 7 bytes");
    }

    @Test
    void namesMissingFilesAndFolders() {
        assertRefused(folder.resolve("none.safetensors"), "does not exist");
        assertRefused(folder, "is a folder");
    }

    /** Cut anywhere or with any byte changed, a file is read or refused, and nothing else happens. */
    @Test
    void survivesDamage() throws IOException {
        Path path = folder.resolve("whole.safetensors");
        new SafetensorsWriter().add("a", new float[] {1, 2}, 2).add("b", new int[] {3}, 1).metadata("k", "v")
                .write(path);
        byte[] whole = Files.readAllBytes(path);
        Path damaged = folder.resolve("damaged.safetensors");
        for (int length = 0; length < whole.length; length++) {
            Files.write(damaged, Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> Safetensors.open(damaged)).isInstanceOf(InvalidFileException.class);
        }
        Random random = new Random(1);
        for (int i = 0; i < 400; i++) {
            byte[] bytes = whole.clone();
            for (int changes = random.nextInt(3); changes >= 0; changes--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            Files.write(damaged, bytes);
            try (Safetensors file = Safetensors.open(damaged)) {
                for (String name : file.tensors().keySet()) {
                    file.floats(name);
                }
            } catch (InvalidFileException e) {
                assertThat(e.getMessage()).startsWith(damaged.toString()).doesNotContain("\n");
            }
        }
    }

    private void assertRefused(Path path, String problem) {
        assertThatThrownBy(() -> Safetensors.open(path)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(path + ": ").hasMessageContaining(problem).hasMessageContaining("; ");
    }

    private Path write(byte[] header, int dataBytes) throws IOException {
        Path path = folder.resolve("made.safetensors");
        Files.write(path, little(8 + header.length + dataBytes).putLong(header.length).put(header).array());
        return path;
    }

    private static ByteBuffer little(int bytes) {
        return ByteBuffer.allocate(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }
}
