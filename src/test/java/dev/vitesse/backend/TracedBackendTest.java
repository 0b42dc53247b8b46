// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class TracedBackendTest {
    private final List<String> lines = new ArrayList<>();
    private final Backend backend = Backends.open("reference", BackendOptions.DEFAULTS.withTrace(lines::add), line -> {});

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    void printsEachCallWithShapesAndNormsInOrder() {
        Tensor x = backend.tensor("x", 2, 2);
        Tensor weight = backend.tensor("weight", 1, 2);
        Tensor y = backend.tensor("y", 2, 1);
        Tensor sum = backend.tensor("sum", 1);
        weight.write(new float[] {1, 1});
        Program program = backend.record("demo", k -> {
            k.fill(x, 1.5f);
            k.linear(y, x, weight, null, new Epilogue.Activate(Activation.RELU, null));
            k.linear(y, x, weight, null, new Epilogue.Add(y));
            k.sumOfSquares(sum, y);
        });
        assertThat(lines).isEmpty();
        program.run();
        assertThat(lines).containsExactly(
                "demo: fill(x[2,2], 1.5) |x|=3.00000",
                "demo: linear(y[2,1], x[2,2], weight[1,2], -, RELU) |y|=4.24264",
                "demo: linear(y[2,1], x[2,2], weight[1,2], -, + y) |y|=8.48528",
                "demo: sumOfSquares(sum[1], y[2,1]) |sum|=72.0000");
        assertThat(sum.toFloats()).containsExactly(72);
        program.run();
        assertThat(lines).hasSize(8);
        program.close();
    }

    @Test
    void refusesWhatTheUntracedBackendRefuses() {
        Tensor x = backend.tensor("x", 2, 2);
        assertThatIllegalArgumentException().isThrownBy(() -> backend.record("bad", k -> k.sumOfSquares(x, x)))
                .withMessageStartingWith("sumOfSquares: sum is x FLOAT32[2, 2]");
    }
}
