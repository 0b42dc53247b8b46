// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;

/** A contender in one match. */
interface Entrant {
    /** Whether its process has ended, so that it will never say hello. */
    boolean hasEnded();

    /** Told of the message that ends each iteration that counts. */
    void iterationDone(ObjectNode message);

    /** After the match: nanoseconds of each sample, by iteration. */
    List<double[]> samples();

    /** What it printed, for a message about its failure. */
    String log();

    /** Whether its line stays open after the match. */
    boolean stays();

    /** Ends its process, if it is this match's alone. */
    void stop();
}
