// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** Told how far a device has come with a program's kernels, where compiling them takes seconds. */
@FunctionalInterface
public interface CompileListener {
    /**
     * Called when a kernel is begun, and, also after a failure, when there is nothing more to compile; by the thread that
     * compiles.
     *
     * @param program its name
     * @param done kernels that are compiled
     * @param count of those that had to be
     * @param kernel the one at work; empty at the end
     */
    void compiling(String program, int done, int count, String kernel);
}
