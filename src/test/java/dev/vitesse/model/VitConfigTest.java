// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VitConfigTest {
    /** The counts of timm's vit_{tiny,small,base,large}_patch16_224 and vit_huge_patch14_224 with 1000 classes. */
    @ParameterizedTest
    @CsvSource({"ti/16,5717416", "s/16,22050664", "b/16,86567656", "l/16,304326632", "h/14,632045800"})
    void presetsHaveThePublishedSizes(String preset, long parameters) {
        assertThat(VitConfig.preset(preset).parameterCount()).isEqualTo(parameters);
    }

    @Test
    void derivedSizesFollow() {
        VitConfig config = VitConfig.preset("b/16");
        assertThat(config.headWidth()).isEqualTo(64);
        assertThat(config.mlpWidth()).isEqualTo(3072);
        assertThat(config.patches()).isEqualTo(196);
        assertThat(config.tokens()).isEqualTo(197);
        assertThat(config.imageElements()).isEqualTo(150528);
        VitConfig pooled = config.toBuilder().meanPooling().headWidth(32).build();
        assertThat(pooled.tokens()).isEqualTo(196);
        assertThat(pooled.attentionWidth()).isEqualTo(384);
        assertThat(VitConfig.mnist().tokens()).isEqualTo(50);
    }

    /** Counted by hand: the patch projection 16 * 8 + 8, two blocks of 880, the rest tokens, norm and head. */
    @Test
    void smallPresetsHaveTheirSizes() {
        long block = 4 * 8 + (24 * 8 + 24) + (8 * 8 + 8) + (32 * 8 + 32) + (8 * 32 + 8);
        assertThat(VitConfig.preset("lightvit").parameterCount())
                .isEqualTo(8 + (16 * 8 + 8) + 2 * block + 2 * 8 + (8 * 10 + 10));
        assertThat(VitConfig.presets()).contains("mnist", "lightvit", "b/16");
    }

    @Test
    void dropPathGrowsLinearly() {
        VitConfig config = VitConfig.mnist().toBuilder().dropPath(0.5f).build();
        assertThat(config.dropPath(0)).isZero();
        assertThat(config.dropPath(3)).isEqualTo(0.3f);
        assertThat(config.dropPath(5)).isEqualTo(0.5f);
        assertThat(config.toBuilder().depth(1).build().dropPath(0)).isEqualTo(0.5f);
    }

    @Test
    void aBuilderRepeatsItsConfiguration() {
        TinyModels.all().values().forEach(config -> assertThat(config.toBuilder().build()).isEqualTo(config));
    }

    @Test
    void unknownPresetsAreRefusedWithTheKnownOnes() {
        assertThatIllegalArgumentException().isThrownBy(() -> VitConfig.preset("b/17"))
                .withMessage("unknown preset 'b/17': use one of ti/16, s/16, b/16, l/16, h/14, mnist, lightvit");
    }

    @Test
    void valuesOutOfRangeAreRefusedByName() {
        refused(b -> b.imageSize(0), "image size is 0; it must be positive");
        refused(b -> b.patchSize(15), "patch size is 15; it must be a divisor of the image size 224");
        refused(b -> b.patchSize(0), "patch size is 0; it must be a divisor of the image size 224");
        refused(b -> b.channels(-1), "channels is -1; it must be positive");
        refused(b -> b.width(0), "width is 0; it must be positive");
        refused(b -> b.depth(0), "depth is 0; it must be positive");
        refused(b -> b.heads(0), "heads is 0; it must be positive");
        refused(b -> b.heads(5),
                "head width is 0; it must be positive (give it where heads do not divide the width)");
        refused(b -> b.mlpWidth(-4), "MLP width is -4; it must be positive");
        refused(b -> b.classes(-1), "classes is -1; it must be positive, or 0 for no head");
        refused(b -> b.registers(-1), "registers is -1; it must be at least 0");
        refused(b -> b.registers(2).positionedPrefix(4), "positioned prefix is 4; it must be 0 to 3");
        refused(b -> b.pooling(VitConfig.Pooling.CLASS_AND_DISTILLATION), 
                "pooling is CLASS_AND_DISTILLATION; it must be another where there is no distillation token");
        refused(b -> b.pooling(VitConfig.Pooling.CLASS_AND_MEAN).classes(0), "pooling is CLASS_AND_MEAN;"
                + " it must be another where the norm follows pooling, the head has hidden layers, or there is no head");
        refused(b -> b.layerNormEpsilon(0), "LayerNorm epsilon is 0.0; it must be between 0 and 1");
        refused(b -> b.layerNormEpsilon(Float.NaN), "LayerNorm epsilon is NaN; it must be between 0 and 1");
        refused(b -> b.layerScale(-1), "layer scale is -1.0; it must be between 0 and 10");
        refused(b -> b.dropout(1), "dropout is 1.0; it must be at least 0 and below 1");
        refused(b -> b.dropPath(Float.NaN), "drop path is NaN; it must be at least 0 and below 1");
        refused(b -> b.classToken(false), 
                "pooling is CLASS_TOKEN; it must be MEAN or MEAN_OF_ALL where there is no class token");
        refused(b -> b.headHidden(List.of(4, 0)), "hidden width of the head is 0; it must be positive");
    }

    private static void refused(UnaryOperator<VitConfigBuilder> change, String message) {
        assertThatIllegalArgumentException().isThrownBy(() -> change.apply(VitConfig.builder()).build())
                .withMessage(message);
    }
}
