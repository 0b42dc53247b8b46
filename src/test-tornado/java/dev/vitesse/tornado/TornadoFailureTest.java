// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What must not be hidden, and what must go on working afterwards. */
class TornadoFailureTest {
    private static final float[] TABLE = {1, 2, 3};

    private static TornadoBackend open(BackendOptions options) {
        return (TornadoBackend) TornadoAccess.load().open("", options);
    }

    /** TornadoVM cannot compile a table on the heap. */
    static void uncompilable(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int i = context.globalIdx;
        if (i < 3) {
            floats.set(p.get(slot.get(0)) + i, TABLE[i]);
        }
    }

    private static final TornadoKernel UNCOMPILABLE = new TornadoKernel("uncompilable", "uncompilable", 64, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoFailureTest::uncompilable, a.context(), a.floats(), a.parameters(), a.slot()));

    @Test
    void aKernelThatDoesNotCompileIsAnErrorAndNotRunByTheJvm() {
        List<String> progress = new ArrayList<>();
        BackendOptions options = BackendOptions.DEFAULTS.withCompilation(
                (program, done, count, name) -> progress.add(program + " " + done + "/" + count + " " + name));
        try (TornadoBackend backend = open(options); Tensor tensor = backend.tensor("x", 3)) {
            try (Program program = backend.record("bad", k -> {
                k.fill(tensor, 7);
                Recording recording = ((TaskRecorder) k).recording();
                recording.begin().launchOver(UNCOMPILABLE, 3, recording.at(tensor));
            })) {
                assertThatThrownBy(program::compile).isInstanceOf(DeviceException.class).hasMessageContaining("uncompilable of bad");
                assertThatThrownBy(program::run).isInstanceOf(DeviceException.class).hasMessageContaining("uncompilable of bad");
            }
            assertThat(progress).endsWith("bad 0/1 uncompilable", "bad 0/1 ").contains("bad 1/2 uncompilable");
            assertThat(tensor.toFloats()).as("nothing of the program has run").containsOnly(0);
            try (Program good = backend.record("good", k -> k.fill(tensor, 4))) {
                good.run();
                assertThat(tensor.toFloats()).containsOnly(4);
            }
        }
    }

    /** Its global size is no multiple of the first kernel's group, whose grid it gets by having the same name. */
    @Test
    void aLaunchThatTheDriverRefusesIsAnError() {
        TornadoKernel[] kernels = new TornadoKernel[2];
        for (int i = 0; i < 2; i++) {
            kernels[i] = new TornadoKernel("set", "set", i == 0 ? 64 : 48, 1, (id, a) ->
                    TaskPackage.createPackage(id, TornadoFailureTest::set, a.context(), a.floats(), a.parameters(), a.slot()));
        }
        try (TornadoBackend backend = open(BackendOptions.DEFAULTS); Tensor tensor = backend.tensor("x", 3);
                Program program = backend.record("refused", k -> {
                    Recording recording = ((TaskRecorder) k).recording();
                    recording.launch(kernels[0], 1, 1, 1, recording.at(tensor));
                    recording.launch(kernels[1], 1, 1, 1, recording.at(tensor));
                })) {
            assertThatThrownBy(program::run).isInstanceOf(DeviceException.class).hasMessageContaining("could not launch set_0");
        }
    }

    static void set(KernelContext context, FloatArray floats, IntArray p, IntArray slot) {
        int i = context.globalIdx;
        if (i < 3) {
            floats.set(p.get(slot.get(0)) + i, 1f);
        }
    }

    @Test
    void aProfileWithoutATaskOrItsTimeTellsThatItDidNotRun() {
        String profile = """
                {"g": {"g.a": {"TASK_KERNEL_TIME": "12"}, "g.b": {"TASK_KERNEL_TIME": "0"}}}""";
        assertThat(LaunchCheck.notRun(LaunchCheck.parse(profile), "g", List.of("c", "b", "a"))).containsExactly("b", "c");
    }

    @Test
    void programsRecordedLaterRunInANewPlanWithTheSameData() {
        List<String> lines = new ArrayList<>();
        try (TornadoBackend backend = open(BackendOptions.DEFAULTS.withTrace(lines::add));
                Tensor x = backend.tensor("x", 3); Tensor sum = backend.tensor("sum", 1)) {
            try (Program fill = backend.record("fill", k -> k.fill(x, 2))) {
                fill.run();
                try (Program squares = backend.record("squares", k -> k.sumOfSquares(sum, x))) {
                    squares.run();
                    assertThat(sum.toFloats()).containsExactly(12);
                    int plans = backend.log().plans();
                    try (Tensor y = backend.tensor("y", 5); Program again = backend.record("again", k -> k.fill(y, 3))) {
                        again.run();
                        squares.run();
                        assertThat(y.toFloats()).containsOnly(3);
                        assertThat(sum.toFloats()).containsExactly(12);
                        assertThat(backend.log().plans()).as("no new pattern, no new plan").isEqualTo(plans);
                    }
                }
            }
            assertThat(lines).anyMatch(line -> line.matches("tornado: compiled \\w+_0 in \\d+ ms by TornadoVM and \\d+ ms by the driver"))
                    .anyMatch(line -> line.contains("plan"));
        }
        assertThat(lines.getLast()).contains(" 3 plans", " launches", "nothing ran elsewhere");
    }

    @Test
    void askingForTooMuchSaysHowMuchThereIsAndHarmsNothing() {
        try (TornadoBackend backend = open(BackendOptions.DEFAULTS); Tensor x = backend.tensor("x", 3)) {
            assertThatThrownBy(() -> backend.tensor("huge", 1 << 20, 1 << 20))
                    .isInstanceOf(DeviceException.class)
                    .hasMessageContaining("4398046511104 bytes asked for huge");
            x.write(new float[] {1, 2, 3});
            assertThat(x.toFloats()).containsExactly(1, 2, 3);
        }
    }

    @Test
    void closedTensorsAndUnknownDevicesAreNamed() {
        try (TornadoBackend backend = open(BackendOptions.DEFAULTS)) {
            Tensor x = backend.tensor("x", 3);
            try (Program program = backend.record("fill", k -> k.fill(x, 2))) {
                x.close();
                assertThatThrownBy(program::run).hasMessage("tensor x has been closed");
            }
        }
        assertThatThrownBy(() -> TornadoAccess.load().open("99", BackendOptions.DEFAULTS))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("no device 'tornado:99'");
    }
}
