// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VitConfig;
import dev.vitesse.onnx.OnnxExport;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/** ONNX Runtime on the CPU, with all its graph optimizations, on the files that we export: inference alone. */
final class OnnxLibrary implements JvmPeer.Library {
    private static final String IMAGES = "pixel_values";

    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final int threads;

    OnnxLibrary(int threads) {
        this.threads = threads;
    }

    @Override
    public String description() {
        return "ONNX Runtime " + environment.getVersion() + " on cpu, " + threads + " threads, float32, inference only";
    }

    @Override
    public JvmPeer.Call prepare(ObjectNode message) throws Exception {
        if (!message.path("kind").asText().equals(Workload.Kind.INFERENCE.text())) {
            throw new IllegalArgumentException("only inference");
        }
        Path folder = Path.of(message.path("folder").asText());
        Path file = folder.resolve("model.onnx");
        VitConfig config;
        try (Backend backend = Backends.open("reference");
                LoadedModel loaded = ModelFiles.load(folder.resolve("weights"), backend)) {
            OnnxExport.write(file, loaded.model(), ModelInfo.NONE);
            config = loaded.model().config();
        }
        try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
            options.setIntraOpNumThreads(threads);
            options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
            int[] images = new Exchange(folder).readInput(ModelData.IMAGES);
            return new Inference(environment.createSession(file.toString(), options), config, Job.floats(images));
        }
    }

    private final class Inference implements JvmPeer.Call {
        private final OrtSession session;
        private final FloatBuffer images;
        private final long[] shape;

        Inference(OrtSession session, VitConfig c, float[] values) {
            this.session = session;
            images = ByteBuffer.allocateDirect(Float.BYTES * values.length).order(ByteOrder.nativeOrder())
                    .asFloatBuffer().put(values).flip();
            shape = new long[] {values.length / c.imageElements(), c.channels(), c.imageSize(), c.imageSize()};
        }

        @Override
        public Map<String, float[]> run() throws OrtException {
            try (OnnxTensor input = OnnxTensor.createTensor(environment, images, shape);
                    OrtSession.Result result = session.run(Map.of(IMAGES, input))) {
                FloatBuffer logits = ((OnnxTensor) result.get(0)).getFloatBuffer();
                float[] values = new float[logits.remaining()];
                logits.get(values);
                return Map.of(ModelAnswers.LOGITS, values);
            }
        }

        @Override
        public void close() throws OrtException {
            session.close();
        }
    }

    @Override
    public void close() {
        environment.close();
    }
}
