// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

/** Somebody who can be measured: a device of this library, or another library. */
interface Contender extends AutoCloseable {
    /** Unique in a session: {@code cpu}, {@code opencl:1}, {@code torch}. */
    String name();

    /** Whether it is another library, which the library's devices are compared with. */
    boolean isPeer();

    /** Why it cannot take part in {@code workload}, or empty. */
    String refusal(Workload workload);

    /** Starts what takes part in one match; the entrant's process says hello at the reception. */
    Entrant enter(Workload workload, Exchange exchange, Pace pace, Reception reception);

    /** Ends what outlives a match. */
    @Override
    void close();
}
