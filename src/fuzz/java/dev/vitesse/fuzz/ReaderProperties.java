// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.image.Filter;
import dev.vitesse.image.Image;
import dev.vitesse.image.Resampling;
import dev.vitesse.io.Safetensors;
import dev.vitesse.io.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/** What holds for every input: readers keep their promise, and what is written can be read. */
class ReaderProperties {
    private static Path scratch = Path.of("");

    /** A change of a file: bytes that are overwritten from a place on, and a length to which it is cut. */
    record Change(int seed, int place, byte[] bytes, int length) {
        byte[] apply(List<byte[]> seeds) {
            byte[] changed = seeds.get(Math.floorMod(seed, seeds.size())).clone();
            for (int i = 0; i < bytes.length && changed.length > 0; i++) {
                changed[Math.floorMod(place + i, changed.length)] = bytes[i];
            }
            return length < changed.length ? Arrays.copyOf(changed, length) : changed;
        }
    }

    @BeforeContainer
    static void createScratch() throws IOException {
        scratch = Files.createTempFile("vitesse-properties", "");
    }

    @AfterContainer
    static void deleteScratch() throws IOException {
        Files.deleteIfExists(scratch);
    }

    @Property(tries = 2000)
    void anyBytesAreAnswered(@ForAll Reader reader, @ForAll @Size(max = 400) byte[] input) {
        reader.check(scratch, input);
    }

    @Property(tries = 5000)
    void anyChangeOfASoundFileIsAnswered(@ForAll Reader reader, @ForAll("changes") Change change) {
        reader.check(scratch, change.apply(Seeds.of(reader)));
    }

    @Provide
    Arbitrary<Change> changes() {
        // Headers come first: half of the changes hit the first bytes.
        Arbitrary<Integer> places = Arbitraries.oneOf(Arbitraries.integers().between(0, 200),
                Arbitraries.integers().between(0, 1 << 16));
        Arbitrary<Integer> lengths = Arbitraries.frequencyOf(
                Tuple.of(4, Arbitraries.just(Integer.MAX_VALUE)),
                Tuple.of(1, Arbitraries.integers().between(0, 5000)));
        return Combinators.combine(Arbitraries.integers(), places,
                Arbitraries.bytes().array(byte[].class).ofMinSize(1).ofMaxSize(8), lengths).as(Change::new);
    }

    @Property(tries = 300)
    void whatIsWrittenAsSafetensorsIsRead(
            @ForAll("tensors") Map<String, float[]> tensors, @ForAll Map<String, String> texts) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().metadata(texts);
        tensors.forEach((name, values) -> writer.add(name, values, values.length));
        writer.write(scratch);
        try (Safetensors file = Safetensors.open(scratch)) {
            assertThat(file.tensors().keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
            for (Map.Entry<String, float[]> tensor : tensors.entrySet()) {
                assertThat(file.floats(tensor.getKey())).containsExactly(tensor.getValue());
            }
            assertThat(file.metadata()).containsAllEntriesOf(texts);
        }
    }

    @Provide
    Arbitrary<Map<String, float[]>> tensors() {
        return Arbitraries.maps(Arbitraries.strings().ascii().ofMinLength(1).ofMaxLength(20)
                        .filter(name -> !name.equals("__metadata__")),
                Arbitraries.floats().array(float[].class).ofMaxSize(30)).ofMaxSize(6);
    }

    /** Filters may overshoot, but not on a single colour. */
    @Property(tries = 300)
    void resizingKeepsASingleColour(@ForAll @IntRange(min = 1, max = 40) int width,
            @ForAll @IntRange(min = 1, max = 40) int height, @ForAll @IntRange(min = 1, max = 60) int newWidth,
            @ForAll @IntRange(min = 1, max = 60) int newHeight, @ForAll Filter filter, @ForAll byte colour) {
        byte[] pixels = new byte[3 * width * height];
        Arrays.fill(pixels, colour);
        Image resized = Resampling.resize(new Image(width, height, 3, pixels), newWidth, newHeight, filter);
        assertThat(resized.pixels()).hasSize(3 * newWidth * newHeight).containsOnly(colour);
    }
}
