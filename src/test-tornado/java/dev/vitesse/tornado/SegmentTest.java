// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** How programs are cut into graphs; needs no device. */
class SegmentTest {
    private static List<Launch> launches(String kernels) {
        return kernels.chars()
                .mapToObj(c -> new TornadoKernel(String.valueOf((char) c), "none", 1, 1, (id, arguments) -> {
                    throw new UnsupportedOperationException();
                }))
                .map(kernel -> new Launch(kernel, new int[0], 1, 1, 1))
                .toList();
    }

    /** {@code "a 3*bcde"}: a once, then b c d e three times. */
    private static String split(String kernels) {
        return Segment.split(launches(kernels)).stream()
                .map(segment -> (segment.passes().size() == 1 ? "" : segment.passes().size() + "*")
                        + segment.pattern().stream().map(TornadoKernel::name).collect(Collectors.joining()))
                .collect(Collectors.joining(" "));
    }

    @Test
    void aRepeatedStretchIsOneSegment() {
        assertThat(split("pncaogncaogncaoghs")).isEqualTo("p 3*ncaog hs");
    }

    @Test
    void twoRepeatedStretchesAreTwo() {
        assertThat(split("pabcdabcdlwxyzwxyzwxyzs")).isEqualTo("p 2*abcd l 3*wxyz s");
    }

    @Test
    void shortRepetitionsStayInOneGraph() {
        assertThat(split("aaabababc")).isEqualTo("aaabababc");
    }

    @Test
    void longProgramsAreCut() {
        String alphabet = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ#$%&'()*+,-./:;<=>?@^_`{|}~!\"";
        String kernels = alphabet + "\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5\u00e6\u00e7\u00e8\u00e9";
        assertThat(Segment.split(launches(kernels)).stream().mapToInt(s -> s.pattern().size()))
                .containsExactly(Segment.LONGEST, kernels.length() - Segment.LONGEST);
    }

    @Test
    void everyLaunchIsInExactlyOnePlace() {
        String kernels = "pncaogncaogncaoghsqqqqqqqqqqqqxyzxyzxyz";
        List<Launch> launches = launches(kernels);
        List<Launch> joined = Segment.split(launches).stream()
                .flatMap(segment -> segment.passes().stream()).flatMap(List::stream).toList();
        assertThat(joined).usingElementComparator((a, b) -> a == b ? 0 : 1).containsExactlyElementsOf(launches);
    }
}
