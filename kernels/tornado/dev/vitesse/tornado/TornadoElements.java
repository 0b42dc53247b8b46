// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.tornado.TornadoKernel.Merge;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * The kernels that have a work-item per element, in two: what inference needs, and what training needs besides. For
 * devices that are CPUs, whose drivers take long for each program, however short, and where a kernel's length hardly
 * matters to its speed. Each operation's formula and parameters are with its own kernel.
 */
final class TornadoElements {
    private static final TornadoKernel FORWARD = new TornadoKernel("elements_forward", "forward", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoElements::forward, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));
    private static final TornadoKernel BACKWARD = new TornadoKernel("elements_backward", "backward", TornadoCopy.LOCAL, 1, (id, a) ->
            TaskPackage.createPackage(id, TornadoElements::backward, a.context(), a.floats(), a.ints(), a.parameters(), a.slot()));

    static final Merge FILL = new Merge(FORWARD, 0);
    static final Merge GATHER_PATCHES = new Merge(FORWARD, 1);
    static final Merge ASSEMBLE_TOKENS = new Merge(FORWARD, 2);
    static final Merge FINISH = new Merge(FORWARD, 3);
    static final Merge RESIDUAL_ADD = new Merge(FORWARD, 4);
    static final Merge POOL = new Merge(FORWARD, 5);

    static final Merge SCATTER_PATCHES = new Merge(BACKWARD, 0);
    static final Merge PATCH_ROWS = new Merge(BACKWARD, 1);
    static final Merge BATCH_SUMS = new Merge(BACKWARD, 2);
    static final Merge COLUMN_SUMS = new Merge(BACKWARD, 3);
    static final Merge ADD_PARTS = new Merge(BACKWARD, 4);
    static final Merge NORM_PARAMETERS = new Merge(BACKWARD, 5);
    static final Merge RESIDUAL_SCALE = new Merge(BACKWARD, 6);
    static final Merge POOL_BACKWARD = new Merge(BACKWARD, 7);
    static final Merge ATTENTION_DELTA = new Merge(BACKWARD, 8);
    static final Merge FINISH_DIFFERENTIATE = new Merge(BACKWARD, 9);

    private TornadoElements() {}

    static void forward(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int operation = p.get(slot.get(0) + Launch.OPERATION);
        if (operation == 0) {
            TornadoOptimizer.fill(context, floats, p, slot);
        }
        if (operation == 1) {
            TornadoPatches.gatherPatches(context, floats, p, slot);
        }
        if (operation == 2) {
            TornadoPatches.assembleTokens(context, floats, p, slot);
        }
        if (operation == 3) {
            TornadoFinish.finish(context, floats, p, slot, TornadoFinish.ANY, TornadoFinish.ANY);
        }
        if (operation == 4) {
            TornadoResidual.residualAdd(context, floats, ints, p, slot);
        }
        if (operation == 5) {
            TornadoPool.pool(context, floats, p, slot);
        }
    }

    static void backward(KernelContext context, FloatArray floats, IntArray ints, IntArray p, IntArray slot) {
        int operation = p.get(slot.get(0) + Launch.OPERATION);
        if (operation == 0) {
            TornadoPatches.scatterPatches(context, floats, p, slot);
        }
        if (operation == 1) {
            TornadoPatches.patchRows(context, floats, p, slot);
        }
        if (operation == 2) {
            TornadoPatches.batchSums(context, floats, p, slot);
        }
        if (operation == 3) {
            TornadoReduce.columnSums(context, floats, p, slot);
        }
        if (operation == 4) {
            TornadoReduce.addParts(context, floats, p, slot);
        }
        if (operation == 5) {
            TornadoNorm.parameters(context, floats, p, slot);
        }
        if (operation == 6) {
            TornadoResidual.scaleParts(context, floats, ints, p, slot);
        }
        if (operation == 7) {
            TornadoPool.poolBackward(context, floats, p, slot);
        }
        if (operation == 8) {
            TornadoAttentionBackward.delta(context, floats, p, slot);
        }
        if (operation == 9) {
            TornadoFinish.differentiate(context, floats, p, slot, TornadoFinish.ANY);
        }
    }
}
