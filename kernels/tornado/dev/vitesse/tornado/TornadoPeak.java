// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import uk.ac.manchester.tornado.api.GridScheduler;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.WorkerGrid1D;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** How fast TornadoVM's code multiplies and adds at best on a device: chains of multiply-adds in registers. */
final class TornadoPeak {
    /** Independent chains of each work-item, which hide the latency of one. */
    private static final int CHAINS = 8;

    private static final int GROUP = 256;
    private static final int GROUPS_PER_UNIT = 16;
    private static final int FIRST_ITERATIONS = 256;
    private static final int MOST_ITERATIONS = 1 << 24;

    /** Many times what an execution costs besides. */
    private static final long LONG_ENOUGH_NANOS = 20_000_000;

    /** Of all runs together: on a CPU other threads disturb some. */
    private static final long ENOUGH_NANOS = 700_000_000;

    private TornadoPeak() {}

    /** FLOPs per nanosecond, of the fastest of some runs that are long enough to be measured. */
    static double gigaflops(TornadoTarget target) {
        int items = target.computeUnits() * GROUPS_PER_UNIT * GROUP;
        FloatArray ends = new FloatArray(items);
        IntArray iterations = new IntArray(1);
        TaskGraph graph = new TaskGraph("peak").transferToDevice(DataTransferMode.EVERY_EXECUTION, iterations)
                .task("chains", TornadoPeak::chains, new KernelContext(), ends, iterations)
                .transferToHost(DataTransferMode.UNDER_DEMAND, ends);
        WorkerGrid1D grid = new WorkerGrid1D(items);
        grid.setLocalWork(GROUP, 1, 1);
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.snapshot())) {
            plan.withDevice(target.device()).withGridScheduler(new GridScheduler("peak.chains", grid));
            iterations.set(0, FIRST_ITERATIONS);
            plan.execute(); // compiles
            long nanos = time(plan);
            while (nanos < LONG_ENOUGH_NANOS && iterations.get(0) < MOST_ITERATIONS) {
                iterations.set(0, 4 * iterations.get(0));
                nanos = time(plan);
            }
            long begin = System.nanoTime();
            while (System.nanoTime() - begin < ENOUGH_NANOS) {
                nanos = Math.min(nanos, time(plan));
            }
            return 2.0 * CHAINS * iterations.get(0) * items / nanos;
        } catch (TornadoExecutionPlanException | RuntimeException | Error e) {
            throw target.failure("peak", e);
        }
    }

    private static long time(TornadoExecutionPlan plan) {
        long start = System.nanoTime();
        plan.execute();
        return System.nanoTime() - start;
    }

    /** c = c a + b again and again, with factors known only when the kernel runs, and such that nothing overflows. */
    static void chains(KernelContext context, FloatArray ends, IntArray iterations) {
        int count = iterations.get(0);
        float a = 1f - 1f / count;
        float b = 1f / count;
        float c0 = context.globalIdx;
        float c1 = c0 + 1f;
        float c2 = c0 + 2f;
        float c3 = c0 + 3f;
        float c4 = c0 + 4f;
        float c5 = c0 + 5f;
        float c6 = c0 + 6f;
        float c7 = c0 + 7f;
        for (int i = 0; i < count; i++) {
            c0 = c0 * a + b;
            c1 = c1 * a + b;
            c2 = c2 * a + b;
            c3 = c3 * a + b;
            c4 = c4 * a + b;
            c5 = c5 * a + b;
            c6 = c6 * a + b;
            c7 = c7 * a + b;
        }
        ends.set(context.globalIdx, c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7);
    }
}
