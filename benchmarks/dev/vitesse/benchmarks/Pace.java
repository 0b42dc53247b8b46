// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

/**
 * How a match goes on.
 *
 * @param warmups iterations that do not count
 * @param warmupSeconds of each
 * @param rounds iterations that count
 * @param seconds of each; one run that takes longer is an iteration too
 */
record Pace(int warmups, double warmupSeconds, int rounds, double seconds) {
    /** The duration of a match in which all contenders' runs are shorter than an iteration. */
    double secondsFor(int contenders) {
        return contenders * (warmups * warmupSeconds + rounds * seconds);
    }

    Pace withSeconds(double value) {
        return new Pace(warmups, warmupSeconds, rounds, value);
    }
}
