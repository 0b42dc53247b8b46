// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.model.VisionTransformer;
import java.nio.file.Path;

/**
 * A model from a file.
 *
 * @param scheme the names that the file uses
 * @param configSource the file that its configuration came from
 */
public record LoadedModel(VisionTransformer model, ModelInfo info, NamingScheme scheme, Path configSource)
        implements AutoCloseable {
    @Override
    public void close() {
        model.close();
    }
}
