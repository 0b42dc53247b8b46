// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import java.util.List;

/** Labelled images, ready for the model. Reading the same example of the same epoch gives the same bits. */
public interface Dataset {
    /** Number of examples. */
    int size();

    /** Names of the classes; labels are indices into it. */
    List<String> classes();

    /** The label of example {@code index}. */
    int label(int index);

    /**
     * Writes an example as the model wants it: [C, S, S], normalised.
     *
     * @param index 0 to {@code size() - 1}
     * @param epoch the epoch it is read in, on which augmentation may depend
     * @param images receives the elements
     * @param offset where the first one goes
     */
    void read(int index, int epoch, float[] images, int offset);
}
