// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.model.VitConfig;

/** What commands that run a model ask of its files. */
final class Models {
    private Models() {}

    /**
     * What to do to images before the model sees them.
     *
     * @throws InvalidFileException if the model's files do not say, or say what does not fit the model
     */
    static Preprocessing preprocessing(LoadedModel loaded) throws InvalidFileException {
        Preprocessing preprocessing = loaded.info().preprocessing();
        if (preprocessing == null) {
            throw new InvalidFileException(loaded.configSource(), "does not say how images are normalised",
                    "add mean and std, one value per channel, to the config.json beside the weights");
        }
        VitConfig config = loaded.model().config();
        if (preprocessing.size() != config.imageSize() || preprocessing.channels() != config.channels()) {
            throw new InvalidFileException(loaded.configSource(), "prepares images of " + preprocessing.size()
                    + " pixels and " + preprocessing.channels() + " channels, but the model takes "
                    + config.imageSize() + " and " + config.channels(), "correct it");
        }
        return preprocessing;
    }
}
