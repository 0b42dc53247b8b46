// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.kernels.CaseTensors;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.KernelCases;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid3D;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * What {@link CudaSourceTest} starts with TornadoVM's CUDA driver on a virtual device, which generates code and runs nothing:
 * writes the CUDA C of every kernel. Prints the name of each.
 */
final class CudaSources {
    /** What {@code tornado.print.kernel.dir} must be, in the folder of the first argument: TornadoVM appends to it. */
    static final String PRINTED = "printed";

    private static final String GRAPH = "vitesse";

    private CudaSources() {}

    /** @param args the folder */
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        TornadoDevice device = TornadoRuntimeProvider.getTornadoRuntime().getBackend(0).getDevice(0);
        for (TornadoKernel kernel : kernels().values()) {
            generate(kernel, device);
            Files.move(folder.resolve(PRINTED), folder.resolve(kernel.name() + ".cu"));
            System.out.println(kernel.name());
        }
    }

    /** Those that any case launches, on a CPU or on a GPU, by name. */
    private static Map<String, TornadoKernel> kernels() {
        Map<String, TornadoKernel> kernels = new TreeMap<>();
        DeviceMemory memory = new DeviceMemory("planning", Integer.MAX_VALUE);
        for (String form : new String[] {SanitizedCases.MERGED, SanitizedCases.SEPARATE}) {
            for (KernelCase kernelCase : KernelCases.all()) {
                Recording recording = SanitizedCases.of(form).recording(memory);
                try (PlanningBackend backend = new PlanningBackend(memory);
                        CaseTensors tensors = new CaseTensors(kernelCase, backend)) {
                    kernelCase.call().schedule(new TaskRecorder(recording), tensors.arguments());
                    recording.finish();
                    recording.release();
                }
                recording.launches().forEach(launch -> kernels.put(launch.kernel().name(), launch.kernel()));
            }
        }
        return kernels;
    }

    private static void generate(TornadoKernel kernel, TornadoDevice device) throws Exception {
        FloatArray floats = new FloatArray(1 << 10);
        IntArray ints = new IntArray(1 << 10);
        IntArray parameters = new IntArray(Launch.SLOT);
        IntArray slot = new IntArray(1);
        TaskGraph graph = new TaskGraph(GRAPH)
                .transferToDevice(DataTransferMode.FIRST_EXECUTION, floats, ints, parameters, slot);
        kernel.addTo(graph, kernel.name(), 0,
                new TornadoKernel.Arguments(new KernelContext(), floats, ints, parameters, slot));
        graph.transferToHost(DataTransferMode.EVERY_EXECUTION, floats);
        WorkerGrid3D grid = new WorkerGrid3D(kernel.localX(), kernel.localY(), 1);
        grid.setLocalWork(kernel.localX(), kernel.localY(), 1);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
            plan.withGridScheduler(new GridScheduler(GRAPH + "." + kernel.name(), grid));
            plan.withDevice(device);
            plan.withPreCompilation();
        }
    }
}
