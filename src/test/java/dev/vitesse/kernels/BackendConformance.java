// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Every case of the table as a test of its own, and what the contract says of tensors and programs, on one backend. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BackendConformance {
    private final TestDevice device;
    private Backend backend;

    /**
     * @param device as {@link dev.vitesse.backend.Backends#open} takes it
     * @param required whether an unusable device fails the tests; else they are skipped with the provider's reason
     */
    protected BackendConformance(String device, boolean required) {
        this.device = new TestDevice(device, required);
    }

    /** Opens the device, or skips the calling test. */
    protected Backend open(TestDevice found) {
        return found.open();
    }

    @BeforeAll
    void open() {
        backend = open(device);
    }

    @AfterAll
    void close() {
        if (backend != null) {
            backend.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> cases() {
        List<KernelCase> cases = KernelCases.selected();
        assertThat(cases).as("cases that vitesse.case selects").isNotEmpty();
        return cases.stream().map(c -> DynamicTest.dynamicTest(c.name(), () -> CaseRunner.check(c, backend)));
    }

    @Test
    void tensorsStartAsZerosAndGiveBackWhatWasWritten() {
        try (Tensor floats = backend.tensor("floats", 3, 5);
                Tensor ints = backend.tensor("ints", ElementType.INT32, 4)) {
            assertThat(floats.toFloats()).containsOnly(0);
            float[] values = {1, -0f, Float.MIN_VALUE, Float.MAX_VALUE, Float.NaN, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
            floats.write(values);
            assertThat(floats.toFloats()).isEqualTo(values);
            ints.write(new int[] {1, -1, Integer.MIN_VALUE, 0x12345678});
            int[] read = new int[4];
            ints.read(MemorySegment.ofArray(read));
            assertThat(read).containsExactly(1, -1, Integer.MIN_VALUE, 0x12345678);
        }
    }

    @Test
    void viewsShareMemory() {
        try (Tensor whole = backend.tensor("whole", 4, 3, 2)) {
            float[] values = new float[24];
            for (int i = 0; i < values.length; i++) {
                values[i] = i;
            }
            whole.write(values);
            Tensor last = whole.slice(3);
            assertThat(last.shape()).containsExactly(3, 2);
            assertThat(last.toFloats()).containsExactly(18, 19, 20, 21, 22, 23);
            assertThat(whole.rows(1, 2).slice(1).slice(2).toFloats()).containsExactly(16, 17);
            last.rows(1, 1).reshape(2).write(new float[] {-1, -2});
            last.close();
            assertThat(whole.reshape(12, 2).slice(10).toFloats()).containsExactly(-1, -2);
        }
    }

    @Test
    void badViewsAndSizesAreRefused() {
        try (Tensor tensor = backend.tensor("tensor", 4, 3)) {
            assertThatThrownBy(() -> tensor.slice(4)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> tensor.slice(-1)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> tensor.rows(3, 2)).isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> tensor.reshape(5)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> tensor.write(new float[11])).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> tensor.read(new float[13])).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void recordingComputesNothingAndProgramsRunInOrderOnSharedTensors() {
        try (Tensor x = backend.tensor("x", 7);
                Tensor sum = backend.tensor("sum", 1);
                Program fill = backend.record("fill", k -> k.fill(x, 2));
                Program twice = backend.record("twice", k -> {
                    k.residualAdd(x, x, x, null, Dropout.NONE, null);
                    k.sumOfSquares(sum, x);
                })) {
            assertThat(x.toFloats()).containsOnly(0);
            fill.run();
            twice.run();
            twice.run();
            assertThat(sum.toFloats()).containsExactly(7 * 64);
            x.write(new float[] {1, 0, 0, 0, 0, 0, 0});
            twice.run();
            assertThat(sum.toFloats()).containsExactly(4);
            fill.run();
            assertThat(x.toFloats()).containsOnly(2);
        }
    }

    @Test
    void callsThatDoNotFitAreRefusedWhileRecording() {
        try (Tensor x = backend.tensor("x", 7);
                Tensor pair = backend.tensor("pair", 2)) {
            assertThatThrownBy(() -> backend.record("bad", k -> k.sumOfSquares(pair, x)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("sumOfSquares: sum is pair FLOAT32[2]; expected FLOAT32[1]");
        }
    }
}
