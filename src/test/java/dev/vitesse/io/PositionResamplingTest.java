// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.util.Locale;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against PyTorch's interpolate; see {@code schemes/make_golden.py}. */
class PositionResamplingTest {
    @ParameterizedTest
    @EnumSource
    void agreesWithPyTorch(PositionResampling resampling) throws IOException, URISyntaxException {
        try (Safetensors file = Safetensors.open(SchemesTest.golden("expected.safetensors"))) {
            for (int side : new int[] {3, 7, 12}) {
                float[] expected =
                        file.floats("positions." + resampling.name().toLowerCase(Locale.ROOT) + "." + side);
                assertThat(resampling.apply(file.floats("positions"), 4, 5, side)).as("side " + side)
                        .usingComparatorWithPrecision(2e-6f).containsExactly(expected);
            }
        }
    }
}
