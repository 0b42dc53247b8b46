// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.Tensor;
import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.ModelExport.Library;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfigBuilder;
import dev.vitesse.model.VitConfig.Pooling;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What was written for another library is read again as the same model. */
class ModelExportTest {
    private static final ModelInfo INFO = new ModelInfo(List.of("a", "b", "c"),
            new Preprocessing(3, 8, 9, Filter.BICUBIC, List.of(0.5f, 0.4f, 0.3f), List.of(0.2f, 0.3f, 0.4f)));

    @TempDir
    Path folder;

    private Backend backend;

    @BeforeEach
    void open() {
        backend = Backends.open("reference");
    }

    @AfterEach
    void close() {
        backend.close();
    }

    private static VitConfigBuilder small() {
        return VitConfig.builder().imageSize(8).patchSize(4).width(6).depth(2).heads(2).mlpWidth(12).classes(3);
    }

    @Test
    void returnsFromEveryLibrary() throws IOException {
        for (Library library : Library.values()) {
            assertReturns(library, small().build());
        }
    }

    @Test
    void returnsFromTimm() throws IOException {
        assertReturns(Library.TIMM, small().pooling(Pooling.MEAN).finalNorm(VitConfig.FinalNorm.AFTER_POOLING).build());
        assertReturns(Library.TIMM, small().meanPooling().activation(Activation.GELU_TANH).mlpWidth(13).build());
        assertReturns(Library.TIMM, small().registers(3).layerScale(0.5f).qkvBias(false).build());
        assertReturns(Library.TIMM, small().registers(3).positionedPrefix(0).build());
        assertReturns(Library.TIMM,
                small().distillationToken(true).pooling(Pooling.CLASS_AND_DISTILLATION).build());
        assertReturns(Library.TIMM, small().classes(0).build());
    }

    @Test
    void returnsFromHuggingFace() throws IOException {
        assertReturns(Library.HUGGING_FACE, small().activation(Activation.RELU).layerNormEpsilon(1e-12f).build());
        assertReturns(Library.HUGGING_FACE, small().distillationToken(true).build());
        assertReturns(Library.HUGGING_FACE,
                small().distillationToken(true).pooling(Pooling.CLASS_AND_DISTILLATION).build());
        assertReturns(Library.HUGGING_FACE, small().layerScale(0.5f).pooling(Pooling.CLASS_AND_MEAN).build());
        assertReturns(Library.HUGGING_FACE,
                small().layerScale(0.5f).registers(2).positionedPrefix(1).pooling(Pooling.CLASS_AND_MEAN).build());
        assertReturns(Library.HUGGING_FACE, small().classes(0).headHidden(List.of(6)).build());
        assertReturns(Library.HUGGING_FACE, small().layerScale(1).classes(0).build());
    }

    @Test
    void returnsFromTorchvision() throws IOException {
        assertReturns(Library.TORCHVISION, small().headHidden(List.of(5)).build());
    }

    private void assertReturns(Library library, VitConfig config) throws IOException {
        Path out = folder.resolve(library + "-" + System.nanoTime());
        ModelInfo info = config.classes() == 0 ? new ModelInfo(List.of(), INFO.preprocessing()) : INFO;
        try (VisionTransformer model = VisionTransformer.create(config, backend, 5)) {
            ModelExport.write(out, library, model, info);
            try (LoadedModel loaded = ModelFiles.load(out, backend)) {
                assertThat(loaded.model().config()).isEqualTo(config);
                assertThat(loaded.info()).isEqualTo(info);
                Map<String, Tensor> weights = loaded.model().weights().named();
                model.weights().named().forEach((name, tensor) ->
                        assertThat(weights.get(name).toFloats()).as(name).containsExactly(tensor.toFloats()));
            }
        }
    }

    @Test
    void saysWhatALibraryLacks() {
        assertRefused(Library.TIMM, small().headWidth(4).build(), "timm has no Vision Transformer with heads of width 4");
        assertRefused(Library.TIMM, small().projectionNorms(true).build(), "norms round the patch projection");
        assertRefused(Library.HUGGING_FACE, small().meanPooling().build(), "the last norm after pooling");
        assertRefused(Library.HUGGING_FACE, small().layerScale(1).build(), "whose head does not read class token and mean");
        assertRefused(Library.TORCHVISION, small().registers(1).build(), "registers or a distillation token");
        assertRefused(Library.TORCHVISION, small().position(VitConfig.Position.SINUSOIDAL).build(), "sinusoidal");
    }

    private void assertRefused(Library library, VitConfig config, String problem) {
        try (VisionTransformer model = VisionTransformer.create(config, backend, 5)) {
            assertThatThrownBy(() -> ModelExport.write(folder.resolve("no"), library, model, ModelInfo.NONE))
                    .isInstanceOf(IllegalArgumentException.class).hasMessageContaining(problem);
            assertThat(folder.resolve("no")).doesNotExist();
        }
    }
}
