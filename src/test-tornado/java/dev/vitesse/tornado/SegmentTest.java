// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** How programs are cut into graphs; needs no device. */
class SegmentTest {
    /** {@code "a1 b2"}: kernel a with a grid of one group, then kernel b with one of two. */
    private static List<Launch> launches(String kernels) {
        return Stream.of(kernels.split(" "))
                .map(text -> new Launch(kernel(text.substring(0, 1)), new int[0], Integer.parseInt(text.substring(1)), 1, 1))
                .toList();
    }

    private static TornadoKernel kernel(String name) {
        return new TornadoKernel(name, "none", 1, 1, (id, arguments) -> {
            throw new UnsupportedOperationException();
        });
    }

    private static String tasks(String kernels) {
        return Segment.split(launches(kernels), null).stream()
                .map(segment -> segment.pattern().stream().map(Segment.Task::name).collect(Collectors.joining(" ")))
                .collect(Collectors.joining(" | "));
    }

    @Test
    void launchesOfAKernelWithOneGridAreOneTask() {
        assertThat(tasks("g5 n3 m4 n3 m4 n3 m4 h1")).isEqualTo("g_0 n_0 m_0 n_0 m_0 n_0 m_0 h_0");
    }

    @Test
    void anotherGridOfAKernelIsAnotherTask() {
        assertThat(tasks("m2 n1 m4 n1 m4 n2")).isEqualTo("m_0 n_0 m_1 n_0 m_1 n_1");
    }

    @Test
    void programsThatDifferInTheirGridsOnlyShareAGraph() {
        assertThat(Segment.split(launches("m2 n1 m4"), null).getFirst().pattern())
                .isEqualTo(Segment.split(launches("m64 n32 m128"), null).getFirst().pattern())
                .isNotEqualTo(Segment.split(launches("m64 n32 m64"), null).getFirst().pattern());
    }

    @Test
    void capturedProgramsShareAGraphOnlyIfTheirGridsAreTheSame() {
        GridNumbers grids = new GridNumbers();
        List<List<Segment.Task>> patterns = Stream.of("m2 n1 m4", "m64 n32 m128", "m4 n1 m2", "m2 n1 m4")
                .map(kernels -> Segment.split(launches(kernels), grids).getFirst().pattern()).toList();
        assertThat(patterns.get(3)).isEqualTo(patterns.get(0));
        assertThat(patterns.subList(0, 3)).doesNotHaveDuplicates();
        assertThat(patterns.get(2).stream().map(Segment.Task::name)).containsExactly("m_1", "n_0", "m_0");
    }

    @Test
    void capturedProductsOfALibraryAreTheSameOnlyIfTheirPlacesAreToo() {
        TornadoKernel library = TornadoKernel.ofLibrary("some/blas");
        GridNumbers grids = new GridNumbers();
        assertThat(Stream.of(1, 2, 1).map(place -> grids.of(new Launch(library, new int[] {place, 7}, 1, 1, 1))))
                .containsExactly(0, 1, 0);
        assertThat(Segment.compilations(List.of(new Segment.Task(library, 0), new Segment.Task(kernel("k"), 0))))
                .extracting(Segment.Task::name).containsExactly("k_0");
    }

    @Test
    void longProgramsAreCutEvenlyAndEveryLaunchIsInExactlyOnePlace() {
        List<Launch> launches = launches(("a1 b1 c1 ").repeat(Segment.LONGEST).strip());
        List<Segment> segments = Segment.split(launches, null);
        assertThat(segments).hasSize(3).allSatisfy(segment -> assertThat(segment.launches()).hasSize(Segment.LONGEST));
        assertThat(segments.stream().flatMap(segment -> segment.launches().stream()))
                .usingElementComparator((a, b) -> a == b ? 0 : 1).containsExactlyElementsOf(launches);
        assertThat(Segment.split(List.of(), null)).isEmpty();
    }
}
