// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

/**
 * How a match goes on.
 *
 * @param longestWarmUp seconds for which a contender may run before its turns to become steady
 * @param warmups turns that do not count
 * @param rounds turns that count
 * @param seconds of each turn; one run that takes longer is a turn too
 * @param longestTurns seconds that a contender's turns may take together; one whose runs take longer is left out
 */
record Pace(double longestWarmUp, int warmups, int rounds, double seconds, double longestTurns) {
    /** Turns of each contender. */
    int turns() {
        return warmups + rounds;
    }

    /** The same with other times. */
    Pace with(double turnSeconds, double mostSeconds) {
        return new Pace(longestWarmUp, warmups, rounds, turnSeconds, mostSeconds);
    }
}
