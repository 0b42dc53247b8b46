// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Activation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Models small enough for finite differences, one for each branch that a configuration can take. */
final class TinyModels {
    private TinyModels() {}

    /** By what is special about them. */
    static Map<String, VitConfig> all() {
        Map<String, VitConfig> all = new LinkedHashMap<>();
        all.put("class token", base().build());
        all.put("mean pooling, fc_norm, no class token", base().meanPooling().build());
        all.put("mean pooling, norm, no class token",
                base().meanPooling().finalNorm(VitConfig.FinalNorm.BEFORE_POOLING).build());
        all.put("mean pooling beside a class token, norm", base().pooling(VitConfig.Pooling.MEAN).build());
        all.put("mean pooling beside a class token, fc_norm",
                base().pooling(VitConfig.Pooling.MEAN).finalNorm(VitConfig.FinalNorm.AFTER_POOLING).build());
        all.put("class token, fc_norm", base().finalNorm(VitConfig.FinalNorm.AFTER_POOLING).build());
        all.put("sinusoidal position", base().position(VitConfig.Position.SINUSOIDAL).build());
        all.put("norm after the patches", base().patchNorm(true).build());
        all.put("wide heads", base().headWidth(3).build());
        all.put("no bias for q, k, v", base().qkvBias(false).build());
        all.put("layer scale", base().layerScale(0.5f).build());
        all.put("head with one hidden layer", base().headHidden(List.of(5)).build());
        all.put("head with two hidden layers", base().headHidden(List.of(5, 3)).build());
        all.put("GELU by tanh", base().activation(Activation.GELU_TANH).build());
        all.put("ReLU", base().activation(Activation.RELU).build());
        all.put("tanh", base().activation(Activation.TANH).build());
        all.put("one block, one head", base().depth(1).heads(1).build());
        all.put("dropout", base().dropout(0.25f).build());
        all.put("dropped paths", base().dropPath(0.5f).build());
        all.put("dropout before a norm after the patches", base().dropout(0.25f).patchNorm(true).build());
        all.put("registers", base().registers(2).build());
        all.put("registers without positions", base().registers(2).positionedPrefix(1).build());
        all.put("no positions before the patches", base().positionedPrefix(0).build());
        all.put("distillation token, one head", base().distillationToken(true).build());
        all.put("two heads, averaged", base().distillationToken(true)
                .pooling(VitConfig.Pooling.CLASS_AND_DISTILLATION).build());
        all.put("class token beside mean, registers", base().registers(2).positionedPrefix(1)
                .pooling(VitConfig.Pooling.CLASS_AND_MEAN).build());
        all.put("mean of all tokens, fc_norm", base().pooling(VitConfig.Pooling.MEAN_OF_ALL)
                .finalNorm(VitConfig.FinalNorm.AFTER_POOLING).build());
        all.put("norms round the projection", base().projectionNorms(true).build());
        all.put("norms round the projection, registers",
                base().projectionNorms(true).registers(2).positionedPrefix(1).build());
        all.put("norms round the projection, no tokens before the patches",
                base().projectionNorms(true).meanPooling().build());
        all.put("everything", base().meanPooling().patchNorm(true).headWidth(3).layerScale(0.5f).headHidden(List.of(5))
                .dropout(0.1f).dropPath(0.3f).position(VitConfig.Position.SINUSOIDAL).qkvBias(false).build());
        return all;
    }

    private static VitConfigBuilder base() {
        return VitConfig.builder().imageSize(4).patchSize(2).channels(2).width(4).depth(2).heads(2).mlpWidth(5).classes(3);
    }
}
