// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import dev.vitesse.reference.ReferenceBackend;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class ParametersTest {
    private static final VitConfig LIGHT = VitConfig.preset("lightvit").toBuilder().depth(1).build();

    /** As {@code timm.create_model(...).state_dict()} lists them, but for the order. */
    @Test
    void namesAndShapesAreThoseOfTimm() {
        assertThat(shapes(LIGHT)).containsExactlyInAnyOrder(
                "cls_token[1, 1, 8]",
                "patch_embed.proj.weight[8, 1, 4, 4]", "patch_embed.proj.bias[8]",
                "blocks.0.norm1.weight[8]", "blocks.0.norm1.bias[8]",
                "blocks.0.attn.qkv.weight[24, 8]", "blocks.0.attn.qkv.bias[24]",
                "blocks.0.attn.proj.weight[8, 8]", "blocks.0.attn.proj.bias[8]",
                "blocks.0.norm2.weight[8]", "blocks.0.norm2.bias[8]",
                "blocks.0.mlp.fc1.weight[32, 8]", "blocks.0.mlp.fc1.bias[32]",
                "blocks.0.mlp.fc2.weight[8, 32]", "blocks.0.mlp.fc2.bias[8]",
                "norm.weight[8]", "norm.bias[8]", "head.weight[10, 8]", "head.bias[10]");
    }

    @Test
    void optionsAddAndRenameParameters() {
        VitConfig config = LIGHT.toBuilder().meanPooling().position(VitConfig.Position.LEARNED).patchNorm(true)
                .layerScale(0.1f).qkvBias(false).headWidth(3).headHidden(List.of(5)).build();
        assertThat(shapes(config))
                .contains("pos_embed[1, 49, 8]", "norm_pre.weight[8]", "norm_pre.bias[8]", "blocks.0.ls1.gamma[8]",
                        "blocks.0.ls2.gamma[8]", "blocks.0.attn.qkv.weight[18, 8]", "blocks.0.attn.proj.weight[8, 6]",
                        "fc_norm.weight[8]", "pre_logits.fc.weight[5, 8]", "head.weight[10, 5]")
                .doesNotContain("cls_token[1, 1, 8]", "norm.weight[8]", "blocks.0.attn.qkv.bias[18]");
    }

    private static List<String> shapes(VitConfig config) {
        try (Backend backend = new ReferenceBackend()) {
            Parameters parameters = new Parameters(backend, config, "");
            Map<String, String> shapes = parameters.named().entrySet().stream().collect(Collectors.toMap(
                    Map.Entry::getKey, entry -> Arrays.toString(entry.getValue().shape())));
            assertThat(Parameters.shapes(config).entrySet().stream().collect(Collectors.toMap(
                    Map.Entry::getKey, entry -> Arrays.toString(entry.getValue())))).isEqualTo(shapes);
            return shapes.entrySet().stream().map(entry -> entry.getKey() + entry.getValue()).toList();
        }
    }

    @Test
    void slabsHoldEveryParameterOnceAndBlocksAreTheirSlices() {
        try (Backend backend = new ReferenceBackend()) {
            VitConfig config = VitConfig.preset("lightvit");
            Parameters parameters = new Parameters(backend, config, "gradient");
            assertThat(parameters.slabs().values().stream().mapToLong(Tensor::elements).sum())
                    .isEqualTo(config.parameterCount());
            assertThat(parameters.named().values().stream().mapToLong(tensor -> Shapes.elements(tensor.shape())).sum())
                    .isEqualTo(config.parameterCount());
            Tensor second = parameters.named().get("blocks.1.norm2.bias");
            second.write(new float[] {1, 2, 3, 4, 5, 6, 7, 8});
            assertThat(parameters.slabs().get("blocks.norm2.bias").slice(1).toFloats())
                    .containsExactly(second.toFloats());
            assertThat(parameters.get("norm2.bias", 1).toFloats()).containsExactly(second.toFloats());
            assertThat(parameters.slabs().get("head.bias").name()).isEqualTo("gradient head.bias");
        }
    }

    @Test
    void onlyMatricesDecay() {
        try (Backend backend = new ReferenceBackend()) {
            VitConfig config = LIGHT.toBuilder().position(VitConfig.Position.LEARNED).layerScale(0.1f)
                    .headHidden(List.of(5)).build();
            Parameters parameters = new Parameters(backend, config, "");
            assertThat(parameters.slabs().keySet().stream().filter(parameters::decays)).containsExactlyInAnyOrder(
                    "patch_embed.proj.weight", "blocks.attn.qkv.weight", "blocks.attn.proj.weight",
                    "blocks.mlp.fc1.weight", "blocks.mlp.fc2.weight", "pre_logits.fc.weight", "head.weight");
            assertThatThrownBy(() -> parameters.decays("blocks.0.attn.qkv.weight"))
                    .isInstanceOf(NoSuchElementException.class);
        }
    }
}
