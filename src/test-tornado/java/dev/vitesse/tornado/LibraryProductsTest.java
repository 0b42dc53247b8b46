// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.kernels.CaseRunner;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.runtime.library.spi.LibraryInvocation;

/** Products that a library computes: everything but cuBLAS itself, in whose place {@link PlainProducts} multiplies. */
class LibraryProductsTest {
    private static final TornadoKernel PLAIN = TornadoKernel.ofLibrary(PlainProducts.NAME);

    /** Sides that are all different, so that no two can be mistaken for each other. */
    private static final int M = 3;

    private static final int N = 5;
    private static final int K = 7;

    private static TornadoTarget target() {
        try (TornadoBackend backend = (TornadoBackend) TornadoAccess.load().open("", BackendOptions.DEFAULTS)) {
            TornadoTarget target = backend.target();
            Assumptions.assumeTrue(target.language() == TornadoVMBackendType.OPENCL, "the device has no OpenCL driver");
            return target;
        }
    }

    private static IntArray parameters(int layout) {
        IntArray p = new IntArray(Launch.SLOT);
        int[] values = {200, 10, 100, -1, -1, M, N, K, K, 1, layout};
        for (int i = 0; i < values.length; i++) {
            p.set(i, values[i]);
        }
        return p;
    }

    /** Element (row, column) of [rows, columns] by rows, or of its transpose. */
    private static float element(float[] floats, int start, int row, int column, int rows, int columns, boolean transposed) {
        return floats[start + (transposed ? column * rows + row : row * columns + column)];
    }

    @Test
    void aBlasByColumnsComputesEachOfTheThreeProductsByRows() {
        float[] floats = new float[300];
        SplittableRandom random = new SplittableRandom(5);
        for (int layout = TornadoLinear.FORWARD; layout <= TornadoLinear.BACKWARD_WEIGHT; layout++) {
            for (int i = 0; i < floats.length; i++) {
                floats[i] = random.nextInt(-9, 10);
            }
            float[] expected = floats.clone();
            for (int i = 0; i < M; i++) {
                for (int j = 0; j < N; j++) {
                    float sum = 0;
                    for (int k = 0; k < K; k++) {
                        sum += element(floats, 10, i, k, M, K, layout == TornadoLinear.BACKWARD_WEIGHT)
                                * element(floats, 100, k, j, K, N, layout == TornadoLinear.FORWARD);
                    }
                    expected[200 + i * N + j] = sum;
                }
            }
            MemorySegment array = Arena.ofAuto().allocate(floats.length * (long) Float.BYTES, 4);
            array.copyFrom(MemorySegment.ofArray(floats));
            PlainProducts.multiply(LibraryProducts.Sgemm.of(parameters(layout), 0), array);
            assertThat(array.toArray(ValueLayout.JAVA_FLOAT)).as("layout %d", layout).containsExactly(expected);
        }
    }

    @Test
    void cublasGetsItsArgumentsInItsOrder() {
        FloatArray floats = new FloatArray(8);
        LibraryInvocation invocation = new LibraryInvocation(
                new Object[] {floats}, new long[] {4096}, new boolean[] {true}, null, 3, null, null);
        LibraryInvocation call = CublasProducts.call(
                invocation, null, LibraryProducts.Sgemm.of(parameters(TornadoLinear.FORWARD), 0), 4096, null);
        Object[] arguments = new Object[call.getNumArgs()];
        for (int i = 0; i < arguments.length; i++) {
            arguments[i] = call.isReference(i) ? (call.getDevicePointer(i) - 4096) / Float.BYTES : call.getArg(i);
        }
        // transa, transb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc: y^T = W x^T with W [N, K] by rows
        assertThat(arguments).containsExactly(1, 0, N, M, K, 1f, 100L, K, 10L, K, 0f, 200L, N);
        assertThat(call.getExecutionPlanId()).isEqualTo(3);
    }

    /** Of everything with a product, the part of the table that has each epilogue once. */
    @Test
    void linearLayersAndPatchesMeetTheirTolerances() {
        Set<String> kinds = new HashSet<>();
        List<KernelCase> cases = KernelCases.small().stream()
                .filter(c -> c.op().startsWith("linear") || c.op().startsWith("patch"))
                .filter(c -> c.parameters().contains("b=3"))
                .filter(c -> kinds.add(c.op() + c.parameters().replaceAll("\\w+=\\d+,?", "")))
                .toList();
        assertThat(cases.stream().map(KernelCase::op).distinct()).hasSize(5);
        try (Backend backend = Backends.checked(
                TornadoBackend.open(target(), "tornado", BackendOptions.DEFAULTS, new TornadoVariant(false, PLAIN, false)))) {
            for (KernelCase kernelCase : cases) {
                int before = PlainProducts.CALLS.size();
                CaseRunner.check(kernelCase, backend);
                assertThat(PlainProducts.CALLS).as(kernelCase.name()).hasSizeGreaterThanOrEqualTo(before + 3);
            }
        }
    }

    /** Many products in one graph, each with a place and a size of its own. */
    @Test
    void aWholeModelGivesTheSameLogits() {
        VitConfig config = VitConfig.preset("lightvit");
        float[] images = new float[2 * config.imageElements()];
        SplittableRandom random = new SplittableRandom(3);
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextDouble(-1, 1);
        }
        float[][] logits = Stream.of(true, false).map(byLibrary -> {
            try (Backend backend = TornadoBackend.open(
                            target(), "tornado", BackendOptions.DEFAULTS,
                            new TornadoVariant(true, byLibrary ? PLAIN : null, false));
                    VisionTransformer model = VisionTransformer.create(config, backend, 3);
                    Inference inference = model.inference(2)) {
                return inference.logits(images, 2);
            }
        }).toArray(float[][]::new);
        assertThat(logits[0]).containsExactly(logits[1], within(1e-5f));
    }

    @Test
    void cudaGraphsAreRefusedWhereThereIsNoCuda() {
        TornadoTarget target = target();
        System.setProperty(TornadoVariant.GRAPHS, "true");
        try {
            assertThatThrownBy(() -> TornadoVariant.of(target)).isInstanceOf(DeviceException.class)
                    .hasMessageContaining(TornadoVariant.GRAPHS + "=true needs a device of TornadoVM's CUDA driver");
        } finally {
            System.clearProperty(TornadoVariant.GRAPHS);
        }
        // The request reaches TornadoVM, whose OpenCL driver can capture nothing.
        assertThatThrownBy(() -> TornadoBackend.open(
                        target, "tornado", BackendOptions.DEFAULTS, new TornadoVariant(true, null, true)))
                .isInstanceOf(DeviceException.class);
    }

    @Test
    void cublasIsRefusedWhereThereIsNoCuda() {
        TornadoTarget target = target();
        System.setProperty(TornadoVariant.LIBRARY, "cublas");
        try {
            assertThatThrownBy(() -> TornadoVariant.of(target)).isInstanceOf(DeviceException.class)
                    .hasMessageContaining("needs a device of TornadoVM's CUDA driver");
            System.setProperty(TornadoVariant.LIBRARY, "mkl");
            assertThatThrownBy(() -> TornadoVariant.of(target)).isInstanceOf(DeviceException.class)
                    .hasMessageContaining("it can be cublas or cublas-tf32");
        } finally {
            System.clearProperty(TornadoVariant.LIBRARY);
        }
        assertThatThrownBy(() -> CublasProducts.check(target)).isInstanceOf(DeviceException.class)
                .hasMessageContaining("nvidia/cublas");
        // A graph with such a task is refused too; TornadoVM prints why, and hides it from the exception.
        try (Backend backend = TornadoBackend.open(
                        target, "tornado", BackendOptions.DEFAULTS,
                        new TornadoVariant(true, TornadoKernel.ofLibrary(CublasProducts.NAME), false));
                VisionTransformer model = VisionTransformer.create(VitConfig.preset("lightvit"), backend, 3);
                Inference inference = model.inference(1)) {
            assertThatThrownBy(() -> inference.logits(new float[784], 1)).isInstanceOf(DeviceException.class);
        }
    }
}
