// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.ArrayList;
import java.util.List;

/**
 * A stretch of a program that one task graph runs, once or several times over: the same kernels in the same order with
 * other parameters and grids. The blocks of a Transformer are such a stretch, so its graph is compiled once for any depth.
 *
 * @param pattern the kernels
 * @param passes the launches of each pass, each of the pattern's length
 */
record Segment(List<TornadoKernel> pattern, List<List<Launch>> passes) {
    /** A graph's limit is about 150 tasks. */
    static final int LONGEST = 96;

    /** Shorter repetitions would be more executions than compilations saved. */
    private static final int SHORTEST_REPEATED = 4;

    static Segment of(List<List<Launch>> passes) {
        return new Segment(passes.getFirst().stream().map(Launch::kernel).toList(), passes);
    }

    /** Cuts a program into segments, in order. */
    static List<Segment> split(List<Launch> launches) {
        List<Segment> segments = new ArrayList<>();
        int start = 0; // of what stands before the next repetition
        int i = 0;
        while (i < launches.size()) {
            int period = period(launches, i);
            if (period == 0) {
                i++;
            } else {
                addOnce(segments, launches.subList(start, i));
                int passes = repeats(launches, i, period);
                segments.add(of(pieces(launches.subList(i, i + passes * period), period)));
                i += passes * period;
                start = i;
            }
        }
        addOnce(segments, launches.subList(start, i));
        return segments;
    }

    private static void addOnce(List<Segment> segments, List<Launch> launches) {
        for (List<Launch> piece : pieces(launches, LONGEST)) {
            segments.add(of(List.of(piece)));
        }
    }

    private static List<List<Launch>> pieces(List<Launch> launches, int length) {
        List<List<Launch>> pieces = new ArrayList<>();
        for (int i = 0; i < launches.size(); i += length) {
            pieces.add(List.copyOf(launches.subList(i, Math.min(launches.size(), i + length))));
        }
        return pieces;
    }

    /** The period of the repetition from {@code start} on that covers most launches, the shortest of them; 0 if none. */
    private static int period(List<Launch> launches, int start) {
        int best = 0;
        int covered = 0;
        for (int period = SHORTEST_REPEATED; period <= Math.min(LONGEST, (launches.size() - start) / 2); period++) {
            int passes = repeats(launches, start, period);
            if (passes > 1 && passes * period > covered) {
                best = period;
                covered = passes * period;
            }
        }
        return best;
    }

    private static int repeats(List<Launch> launches, int start, int period) {
        int passes = 1;
        while (start + (passes + 1) * period <= launches.size() && same(launches, start, start + passes * period, period)) {
            passes++;
        }
        return passes;
    }

    private static boolean same(List<Launch> launches, int first, int second, int length) {
        for (int i = 0; i < length; i++) {
            if (!launches.get(first + i).kernel().equals(launches.get(second + i).kernel())) {
                return false;
            }
        }
        return true;
    }
}
