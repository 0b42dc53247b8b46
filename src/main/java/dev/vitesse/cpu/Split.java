// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

/**
 * A range 0 to {@code total - 1} cut into items of {@code size}, of which the last may be shorter.
 */
record Split(int total, int size) {
    /** Enough items to keep many threads evenly busy, few enough for partial results to be summed at little cost. */
    private static final int MOST_ITEMS = 64;

    /**
     * Items of at least {@code grain}, at most 64 of them; a function of the shape alone, so that sums over items do
     * not depend on the number of threads.
     */
    static Split of(int total, int grain) {
        return new Split(total, Math.max(Math.max(1, grain), Math.ceilDiv(total, MOST_ITEMS)));
    }

    /** Rows of {@code width} elements in items of about {@code elements} elements. */
    static Split ofRows(int rows, int width, int elements) {
        return of(rows, Math.ceilDiv(elements, Math.max(1, width)));
    }

    int count() {
        return Math.ceilDiv(total, size);
    }

    int first(int item) {
        return item * size;
    }

    int end(int item) {
        return Math.min(total, first(item) + size);
    }
}
