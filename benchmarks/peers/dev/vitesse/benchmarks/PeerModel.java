// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Tensor;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A model as the session hands it to peers.
 *
 * @param config its configuration
 * @param weights under timm's names
 * @param images [B, C, S, S]
 * @param batch B
 */
record PeerModel(VitConfig config, Map<String, Weight> weights, float[] images, int batch) {
    /** A tensor of weights. */
    record Weight(float[] values, int... shape) {}

    /** Reads the model and the images of a message that asks to prepare. */
    static PeerModel read(JsonNode message) throws IOException {
        Path folder = Path.of(message.path("folder").asText());
        float[] images = Job.floats(new Exchange(folder).readInput(ModelData.IMAGES));
        Map<String, Weight> weights = new LinkedHashMap<>();
        try (Backend backend = Backends.open("reference");
                LoadedModel loaded = ModelFiles.load(folder.resolve("weights"), backend)) {
            VitConfig config = loaded.model().config();
            for (Map.Entry<String, Tensor> entry : loaded.model().weights().named().entrySet()) {
                weights.put(entry.getKey(), new Weight(entry.getValue().toFloats(), entry.getValue().shape()));
            }
            if (config.position() != VitConfig.Position.LEARNED) {
                throw new IllegalArgumentException("only learned position embeddings");
            }
            return new PeerModel(config, weights, images, message.path("batch").asInt());
        }
    }
}
