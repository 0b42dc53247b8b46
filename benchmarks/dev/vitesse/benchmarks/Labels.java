// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Finds places beside points for their names, where these cover neither each other nor points. */
final class Labels {
    private static final double LETTER_WIDTH = 6.4;
    private static final double LETTER_HEIGHT = 13;
    private static final double GAP = 9;
    private static final int STEPS = 16;

    private final Box plot;
    private final List<Box> taken = new ArrayList<>();

    /** A rectangle; y grows downwards. */
    private record Box(double left, double top, double right, double bottom) {
        boolean overlaps(Box other) {
            return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
        }

        boolean contains(Box other) {
            return left <= other.left && other.right <= right && top <= other.top && other.bottom <= bottom;
        }
    }

    /**
     * Where a text begins or ends.
     *
     * @param anchor start or end
     * @param x of that end
     * @param y of the letters' line
     * @param away whether it is so far from its point that a line should lead there
     */
    record Place(String anchor, double x, double y, boolean away) {}

    /** For a plot between these pixels. */
    Labels(double left, double top, double right, double bottom) {
        plot = new Box(left, top, right, bottom);
    }

    /** Keeps the place of a point free. */
    void avoid(double x, double y) {
        taken.add(new Box(x - 6, y - 6, x + 6, y + 6));
    }

    /** Keeps the place free of a text that begins at {@code x}. */
    void avoid(double x, double y, String text) {
        taken.add(new Box(x, y - LETTER_HEIGHT, x + LETTER_WIDTH * text.length(), y + 4));
    }

    /** The nearest free place beside a point, which is then taken; null if there is none. */
    @Nullable Place place(double x, double y, String text) {
        double width = LETTER_WIDTH * text.length();
        for (int step = 0; step < STEPS; step++) {
            for (int side : step == 0 ? new int[] {0} : new int[] {-1, 1}) {
                double middle = y + side * step * LETTER_HEIGHT / 2;
                double distance = GAP + (step > 1 ? GAP : 0);
                for (boolean right : new boolean[] {true, false}) {
                    double start = right ? x + distance : x - distance - width;
                    Box box = new Box(start, middle - LETTER_HEIGHT / 2, start + width, middle + LETTER_HEIGHT / 2);
                    if (plot.contains(box) && taken.stream().noneMatch(box::overlaps)) {
                        taken.add(box);
                        return new Place(right ? "start" : "end", right ? start : start + width, middle + 4, step > 1);
                    }
                }
            }
        }
        return null;
    }
}
