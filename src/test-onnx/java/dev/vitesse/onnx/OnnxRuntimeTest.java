// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.model.VitConfigBuilder;
import dev.vitesse.model.VitConfig.FinalNorm;
import dev.vitesse.model.VitConfig.Pooling;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** ONNX Runtime computes from our ONNX files what we compute. */
class OnnxRuntimeTest {
    /** A share of the largest logit. */
    private static final double TOLERANCE = 1e-4;

    @TempDir
    Path folder;

    private Backend backend;

    @BeforeEach
    void open() {
        backend = Backends.open("cpu");
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"golden/tiny.timm.safetensors", "golden/odd.timm.safetensors",
        "golden/mnist.timm.safetensors", "schemes/hf_vit", "schemes/hf_vit_backbone", "schemes/hf_deit_teacher",
        "schemes/hf_dinov2_registers", "schemes/timm_fc_norm.safetensors", "schemes/timm_no_embed_class.safetensors",
        "schemes/timm_norm_pre.safetensors", "schemes/big_vision_stacked.npz", "schemes/lucidrains_pre_norm.safetensors",
        "schemes/lucidrains_normed.safetensors", "schemes/lucidrains_new.safetensors"})
    void agreesOnGoldenWeights(String name) throws Exception {
        Path path = Path.of(Objects.requireNonNull(OnnxRuntimeTest.class.getResource("/" + name)).toURI());
        try (LoadedModel loaded = ModelFiles.load(path, backend)) {
            assertAgrees(loaded.model());
        }
    }

    @Test
    void agreesOnRandomWeights() throws Exception {
        VitConfigBuilder small = VitConfig.builder().imageSize(32).patchSize(8).width(24).depth(3).heads(3).mlpWidth(50)
                .classes(11);
        for (VitConfig config : List.of(small.build(), small.activation(Activation.GELU_TANH).build(),
                small.activation(Activation.TANH).headHidden(List.of(9, 7)).build(),
                small.activation(Activation.GELU).headHidden(List.of()).meanPooling().layerScale(0.3f).build(),
                small.finalNorm(FinalNorm.BEFORE_POOLING).position(VitConfig.Position.SINUSOIDAL).build(),
                small.classToken(true).registers(2).pooling(Pooling.MEAN_OF_ALL).build())) {
            try (VisionTransformer model = VisionTransformer.create(config, backend, 3)) {
                assertAgrees(model);
            }
        }
    }

    private void assertAgrees(VisionTransformer model) throws IOException, OrtException {
        Path file = folder.resolve("model.onnx");
        OnnxExport.write(file, model, ModelInfo.NONE);
        VitConfig config = model.config();
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(file.toString(), new OrtSession.SessionOptions());
                Inference inference = model.inference(3)) {
            for (int batch : new int[] {1, 3}) {
                float[] images = new float[batch * config.imageElements()];
                SplittableRandom random = new SplittableRandom(batch);
                for (int i = 0; i < images.length; i++) {
                    images[i] = (float) random.nextGaussian();
                }
                float[] expected = inference.logits(images, batch);
                assertClose(run(environment, session, images, config), expected);
            }
        }
    }

    private static float[] run(OrtEnvironment environment, OrtSession session, float[] images, VitConfig config)
            throws OrtException {
        long batch = images.length / config.imageElements();
        long[] shape = {batch, config.channels(), config.imageSize(), config.imageSize()};
        try (OnnxTensor input = OnnxTensor.createTensor(environment, FloatBuffer.wrap(images), shape);
                OrtSession.Result result = session.run(Map.of("pixel_values", input))) {
            OnnxTensor output = (OnnxTensor) result.get(0);
            assertThat(output.getInfo().getShape()).containsExactly(batch, config.outputs());
            FloatBuffer values = output.getFloatBuffer();
            float[] logits = new float[values.remaining()];
            values.get(logits);
            return logits;
        }
    }

    private static void assertClose(float[] actual, float[] expected) {
        assertThat(actual).hasSize(expected.length);
        double largest = 0;
        for (float value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        for (int i = 0; i < actual.length; i++) {
            assertThat((double) actual[i]).isCloseTo(expected[i], within(TOLERANCE * largest));
        }
    }
}
