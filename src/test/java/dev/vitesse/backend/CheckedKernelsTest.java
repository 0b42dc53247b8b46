// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import dev.vitesse.kernels.Operand;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class CheckedKernelsTest {
    private final Backend backend = Backends.open("reference");

    @AfterEach
    void close() {
        backend.close();
    }

    /** One case of each operation, the one with the most operands. */
    static Stream<KernelCase> operations() {
        Map<String, List<KernelCase>> byOperation =
                KernelCases.small().stream().collect(Collectors.groupingBy(KernelCase::op));
        assertThat(byOperation).hasSize(Kernels.class.getDeclaredMethods().length);
        return byOperation.values().stream().map(cases -> cases.stream()
                .filter(c -> c.operands().stream().allMatch(operand -> operand.elements() > 1))
                .max((a, b) -> Integer.compare(a.operands().size(), b.operands().size()))
                .orElse(cases.getLast()));
    }

    /** Whatever operand has one entry too many, one axis too many, or another type: the message names the operation. */
    @ParameterizedTest
    @MethodSource("operations")
    void refusesEachOperandWithAnotherShapeOrType(KernelCase operation) {
        record(operation, null, null);
        for (Operand operand : operation.argumentOperands()) {
            int[] longer = operand.shape().clone();
            longer[longer.length - 1]++;
            if (!anyShape(operation, operand)) {
                refused(operation, operand, operand.type(), longer);
                refused(operation, operand, operand.type(), Shapes.prepend(2, operand.shape()));
            }
            ElementType other = operand.type() == ElementType.INT32 ? ElementType.FLOAT32 : ElementType.INT32;
            refused(operation, operand, other, operand.shape());
        }
    }

    /** Arguments whose length nothing else fixes. */
    private static boolean anyShape(KernelCase operation, Operand operand) {
        return switch (operation.op()) {
            case "fill", "sumOfSquares" -> operand.name().equals("x");
            case "clipFactor" -> operand.name().equals("sums");
            default -> false;
        };
    }

    private void refused(KernelCase operation, Operand operand, ElementType type, int... shape) {
        assertThatIllegalArgumentException()
                .as("%s with %s as %s%s", operation.name(), operand.name(), type, Arrays.toString(shape))
                .isThrownBy(() -> record(operation, operand.name(), backend.tensor("odd", type, shape)))
                .withMessageStartingWith(operation.op() + ": ")
                .withMessageNotContaining("\n");
    }

    /** Records the operation, with another tensor in the place of one operand. */
    private void record(KernelCase operation, String replaced, Tensor replacement) {
        Map<String, Tensor> tensors = new HashMap<>();
        for (Operand operand : operation.argumentOperands()) {
            tensors.put(operand.name(), operand.name().equals(replaced)
                    ? replacement
                    : backend.tensor(operand.name(), operand.type(), operand.shape()));
        }
        backend.record("program", k -> operation.call().schedule(k, new KernelCase.Arguments(tensors))).close();
    }

    @Test
    void messagesSayWhatIsThereAndWhatShouldBe() {
        Tensor x = backend.tensor("input", 2, 3);
        Tensor y = backend.tensor("output", 2, 4);
        Tensor weight = backend.tensor("fc1.weight", 4, 5);
        refused("linear: weight is fc1.weight FLOAT32[4, 5]; expected FLOAT32[4, 3]",
                k -> k.linear(y, x, weight, null, Epilogue.NONE));
    }

    @Test
    void scalarsOutOfRangeAreRefused() {
        Tensor x = backend.tensor("x", 2, 5, 6);
        Tensor rows = backend.tensor("rows", 2, 5);
        Tensor vector = backend.tensor("vector", 6);
        Tensor matrix = backend.tensor("matrix", 2, 6);
        Tensor qkv = backend.tensor("qkv", 2, 5, 18);
        Tensor pair = backend.tensor("pair", 2);
        Tensor labels = backend.tensor("labels", ElementType.INT32, 2);
        refused("layerNorm: epsilon is -1.0; expected at least 0",
                k -> k.layerNorm(x, rows, rows, x, vector, vector, -1));
        refused("attention: 4 heads do not divide the width 6", k -> k.attention(x, null, qkv, 4));
        refused("attention: 0 heads do not divide the width 6", k -> k.attention(x, null, qkv, 0));
        refused("pool: tokens 2 to 5 are not among the 5 of x", k -> k.pool(matrix, x, 2, 4));
        refused("pool: tokens -1 to 0 are not among the 5 of x", k -> k.pool(matrix, x, -1, 2));
        refused("poolBackward: tokens 0 to -1 are not among the 5 of x", k -> k.poolBackward(x, matrix, 0, 0));
        refused("crossEntropy: smoothing is 1.0; expected 0 <= s < 1",
                k -> k.crossEntropy(pair, null, matrix, labels, 1));
        refused("clipFactor: maxNorm is -1.0; expected at least 0", k -> k.clipFactor(pair, vector, -1));
    }

    @Test
    void missingArgumentsAreRefused() {
        Tensor images = backend.tensor("images", 1, 1, 4, 4);
        Tensor weight = backend.tensor("weight", 3, 1, 2, 2);
        Tensor bias = backend.tensor("bias", 3);
        Tensor tokens = backend.tensor("tokens", 1, 5, 3);
        Tensor position = backend.tensor("position", 5, 3);
        refused("patchEmbedding: prefix is missing for 1 tokens",
                k -> k.patchEmbedding(tokens, images, weight, bias, null, position));
        Tensor few = backend.tensor("few", 1, 3, 3);
        refused("patchEmbedding: 3 tokens are fewer than 4 patches",
                k -> k.patchEmbedding(few, images, weight, bias, null, position));
        Tensor shortPosition = backend.tensor("short", 3, 3);
        refused("patchEmbedding: position is short FLOAT32[3, 3]; expected [4 to 5, 3]",
                k -> k.patchEmbedding(tokens, images, weight, bias, backend.tensor("prefix", 1, 3), shortPosition));
        Tensor wide = backend.tensor("wide", 3, 1, 3, 3);
        refused("patchEmbedding: the patch side 3 does not divide the image side 4",
                k -> k.patchEmbedding(tokens, images, wide, bias, null, position));
        Tensor y = backend.tensor("y", 2, 3);
        Tensor square = backend.tensor("square", 3, 3);
        refused("linearBackwardInput: the pre-activation is missing", k -> k.linearBackwardInput(y,
                backend.tensor("dY", 2, 3), square, new Epilogue.Activate(Activation.GELU, null)));
        refused("linearBackwardInput: cannot add a residual", k -> k.linearBackwardInput(y,
                backend.tensor("dY", 2, 3), square, new Epilogue.Add(y)));
        refused("residualAdd: random is missing for Dropout[rate=0.5, pathRate=0.0, site=0]",
                k -> k.residualAdd(y, y, null, null, new Dropout(0.5f, 0, 0), null));
        refused("residualAddBackward: scale, dScale and branch must be given together",
                k -> k.residualAddBackward(y, null, y, y, bias, Dropout.NONE, null));
    }

    private void refused(String message, Consumer<Kernels> call) {
        assertThatIllegalArgumentException().isThrownBy(() -> backend.record("program", call)).withMessage(message);
    }
}
