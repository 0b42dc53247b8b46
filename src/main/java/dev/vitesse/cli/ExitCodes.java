// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

/** The exit codes that {@code --help} and README document; 6, cannot start, is the launcher's. */
final class ExitCodes {
    static final int OK = 0;
    /**
     * The job itself failed: the loss became infinite, a tensor is out of tolerance, some images were bad, a benchmark
     * failed or became slower.
     */
    static final int FAILED = 1;
    static final int USAGE = 2;
    static final int BAD_INPUT = 3;
    static final int DEVICE = 4;
    static final int CANNOT_WRITE = 5;
    static final int INTERRUPTED = 130;

    private ExitCodes() {}
}
