// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import org.jspecify.annotations.Nullable;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.common.TaskPackage;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * A kernel as TornadoVM compiles it: a method and the scalar arguments that are baked into its code. Everything else (where
 * tensors lie, sizes) reaches it in an array, so that one compilation serves every layer, shape and batch. With parameters
 * that are all 1, one work-group must have a small problem: {@link TornadoPlan} launches that to have the kernel compiled.
 *
 * @param name of the method and its baked scalars; two kernels of one name are the same
 * @param method the method alone
 * @param localX work-items of a group along x
 * @param localY likewise along y
 * @param task makes the task of that method and those scalars
 * @param merge what runs it where compiling costs more than running; null for nothing but itself
 * @param library the one of {@link LibraryProducts} that runs it instead; null for a kernel of our own
 */
record TornadoKernel(
        String name, String method, int localX, int localY, TaskFactory task, @Nullable Merge merge,
        @Nullable String library) {

    TornadoKernel(String name, String method, int localX, int localY, TaskFactory task) {
        this(name, method, localX, localY, task, null);
    }

    TornadoKernel(String name, String method, int localX, int localY, TaskFactory task, @Nullable Merge merge) {
        this(name, method, localX, localY, task, merge, null);
    }

    /** The products of a library, which has groups of its own: launches have one. */
    static TornadoKernel ofLibrary(String library) {
        return new TornadoKernel(library.replaceAll("\\W", "_"), "", 1, 1, (id, arguments) -> {
            throw new UnsupportedOperationException(library + " has no task of ours");
        }, null, library);
    }

    /**
     * Adds a task to a graph, or, if the graph has a task of that name, another launch of it, which a library's tasks do not
     * have.
     *
     * @param place the launch's in the graph
     */
    void addTo(TaskGraph graph, String id, int place, Arguments a) {
        if (library == null) {
            graph.addTask(task.create(id, a));
        } else {
            graph.libraryTask(id + "_" + place, LibraryProducts::task, library, a.floats(), a.parameters(), a.slot());
        }
    }

    /**
     * A kernel's place in one that does the work of many.
     *
     * @param kernel the other one
     * @param operation what tells it which of its kernels is wanted, its last parameter
     */
    record Merge(TornadoKernel kernel, int operation) {}

    /**
     * What every kernel gets.
     *
     * @param floats every FLOAT32 tensor of the backend
     * @param ints every INT32 tensor
     * @param parameters those of all launches of a graph
     * @param slot [1]: where this launch's parameters start
     */
    record Arguments(KernelContext context, FloatArray floats, IntArray ints, IntArray parameters, IntArray slot) {}

    /** Binds the arguments; the method must be named by a method reference, from which TornadoVM finds its bytecode. */
    @FunctionalInterface
    interface TaskFactory {
        TaskPackage create(String id, Arguments arguments);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TornadoKernel kernel && kernel.name.equals(name);
    }

    @Override
    public int hashCode() {
        return name.hashCode();
    }
}
