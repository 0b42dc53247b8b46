// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.kernels.Operand;
import dev.vitesse.model.VitConfig;

/** What another library has to be told about a workload. */
final class Peers {
    private Peers() {}

    /** Adds everything about {@code workload} to a message. */
    static void describe(ObjectNode message, Workload workload, Exchange exchange) {
        message.put("workload", workload.id())
                .put("kind", workload.kind().text())
                .put("op", workload.op())
                .put("batch", workload.batch())
                .put("folder", exchange.folder().toString());
        if (workload.kernelCase() == null) {
            describe(message.putObject("config"), workload.config());
            message.put("checked_images", ModelData.checked(workload).images())
                    .put("checked_elements", ModelData.CHECKED_ELEMENTS);
        } else {
            message.put("options", workload.kernel().parameters());
            ObjectNode operands = message.putObject("operands");
            for (Operand operand : workload.kernel().argumentOperands()) {
                ArrayNode shape = operands.putArray(operand.name());
                for (int size : operand.shape()) {
                    shape.add(size);
                }
            }
            // The one option that no shape tells.
            message.put("heads", workload.config().heads());
        }
    }

    private static void describe(ObjectNode node, VitConfig c) {
        node.put("image_size", c.imageSize())
                .put("patch_size", c.patchSize())
                .put("channels", c.channels())
                .put("width", c.width())
                .put("depth", c.depth())
                .put("heads", c.heads())
                .put("mlp_width", c.mlpWidth())
                .put("classes", c.classes())
                .put("learned_position", c.position() == VitConfig.Position.LEARNED)
                .put("epsilon", c.layerNormEpsilon());
    }
}
