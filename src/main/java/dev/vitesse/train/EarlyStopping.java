// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.Tensor;
import dev.vitesse.model.Parameters;
import dev.vitesse.model.VisionTransformer;
import java.util.LinkedHashMap;
import java.util.Map;

/** Watches the validation loss, keeps the weights that had the lowest, and says when to stop. */
final class EarlyStopping implements AutoCloseable {
    private final Parameters weights;
    private final Parameters best;
    private final int patience;
    private double lowestLoss = Double.POSITIVE_INFINITY;
    private int epochsSince;

    /** @param patience epochs without a lower loss after which to stop, at least 1 */
    EarlyStopping(VisionTransformer model, int patience) {
        this.patience = patience;
        weights = model.weights();
        best = model.likeWeights("best");
    }

    /** Takes note of an epoch's validation loss; true if training should stop. */
    boolean stopAfter(double validationLoss) {
        if (validationLoss < lowestLoss) {
            lowestLoss = validationLoss;
            epochsSince = 0;
            copy(weights, best);
        } else {
            epochsSince++;
        }
        return epochsSince >= patience;
    }

    /** Puts the best weights back into the model. */
    void restoreBest() {
        if (lowestLoss < Double.POSITIVE_INFINITY) {
            copy(best, weights);
        }
    }

    private static void copy(Parameters from, Parameters to) {
        from.slabs().forEach((name, tensor) -> to.slabs().get(name).write(tensor.toFloats()));
    }

    /** The best weights by name, for a checkpoint. */
    Map<String, Tensor> tensors() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        best.named().forEach((name, tensor) -> tensors.put("best." + name, tensor));
        return tensors;
    }

    void save(Map<String, String> state) {
        state.put("lowest_validation_loss", Double.toHexString(lowestLoss));
        state.put("epochs_since_lowest", Integer.toString(epochsSince));
    }

    void restore(Map<String, String> state) {
        lowestLoss = Double.parseDouble(state.get("lowest_validation_loss"));
        epochsSince = Integer.parseInt(state.get("epochs_since_lowest"));
    }

    @Override
    public void close() {
        best.close();
    }
}
