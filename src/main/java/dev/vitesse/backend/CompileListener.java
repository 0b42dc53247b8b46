// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

/** Told how far a device has come with a program's kernels, where compiling them takes seconds. */
@FunctionalInterface
public interface CompileListener {
    /**
     * Called when the first kernel is begun, when one is done, and, also after a failure, when there is nothing more to
     * compile; by any thread, but by one at a time.
     *
     * @param program its name
     * @param done kernels that are compiled
     * @param count of those that had to be
     * @param kernel the one at work; empty at the end
     */
    void compiling(String program, int done, int count, String kernel);
}
