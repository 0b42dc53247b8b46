// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.nio.file.Path;

/**
 * A model from a file.
 *
 * @param scheme the names that the file uses
 * @param configSource the file that its configuration came from
 */
public record LoadedModel(VisionTransformer model, ModelInfo info, NamingScheme scheme, Path configSource)
        implements AutoCloseable {
    /**
     * What to do to images before the model sees them.
     *
     * @throws InvalidFileException if the model's files do not say, or say what does not fit the model
     */
    public Preprocessing preprocessing() throws InvalidFileException {
        Preprocessing preprocessing = info.preprocessing();
        if (preprocessing == null) {
            throw new InvalidFileException(configSource, "does not say how images are normalised",
                    "add mean and std, one value per channel, to the config.json beside the weights");
        }
        VitConfig config = model.config();
        if (preprocessing.size() != config.imageSize() || preprocessing.channels() != config.channels()) {
            throw new InvalidFileException(configSource, "prepares images of " + preprocessing.size()
                    + " pixels and " + preprocessing.channels() + " channels, but the model takes "
                    + config.imageSize() + " and " + config.channels(), "correct it");
        }
        return preprocessing;
    }

    @Override
    public void close() {
        model.close();
    }
}
