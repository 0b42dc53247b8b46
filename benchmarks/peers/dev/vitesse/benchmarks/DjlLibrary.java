// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.LayerNorm;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.model.VitConfig;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** PyTorch on the CPU through DJL's arrays: inference. */
final class DjlLibrary implements JvmPeer.Library {
    private static final String ENGINE = "PyTorch";

    private final Engine engine;
    private final NDManager manager;
    private final int threads;

    DjlLibrary(int threads) {
        this.threads = threads;
        // Before the engine starts: no downloads, and as many threads as the others have.
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("ai.djl.pytorch.num_threads", String.valueOf(threads));
        engine = Engine.getEngine(ENGINE);
        manager = NDManager.newBaseManager(ENGINE);
    }

    @Override
    public String description() {
        return "PyTorch " + engine.getVersion() + " through DJL " + Engine.getDjlVersion() + " on cpu, " + threads
                + " threads, float32, inference only";
    }

    @Override
    public JvmPeer.Call prepare(ObjectNode message) throws Exception {
        if (!message.path("kind").asText().equals(Workload.Kind.INFERENCE.text())) {
            throw new IllegalArgumentException("only inference");
        }
        return new Inference(PeerModel.read(message), manager.newSubManager());
    }

    /** The model of {@link dev.vitesse.model.VisionTransformer} in DJL's operators. */
    private static final class Inference implements JvmPeer.Call {
        private final VitConfig config;
        private final NDManager manager;
        private final Map<String, NDArray> weights = new HashMap<>();
        private final float[] images;
        private final Shape shape;

        Inference(PeerModel model, NDManager manager) {
            this.manager = manager;
            config = model.config();
            images = model.images();
            shape = new Shape(model.batch(), config.channels(), config.imageSize(), config.imageSize());
            model.weights().forEach((name, weight) -> weights.put(name, manager.create(weight.values(),
                    new Shape(Arrays.stream(weight.shape()).asLongStream().toArray()))));
        }

        @Override
        public Map<String, float[]> run() {
            try (NDManager scope = manager.newSubManager()) {
                NDArray x = embed(scope.create(images, shape));
                x.attach(scope);
                for (int layer = 0; layer < config.depth(); layer++) {
                    String block = "blocks." + layer + ".";
                    x = x.add(linear(attention(norm(x, block + "norm1"), block), block + "attn.proj"));
                    NDArray hidden = Activation.gelu(linear(norm(x, block + "norm2"), block + "mlp.fc1"));
                    x = x.add(linear(hidden, block + "mlp.fc2"));
                }
                NDArray first = norm(x, "norm").get(":, 0");
                return Map.of(ModelAnswers.LOGITS, linear(first, "head").toFloatArray());
            }
        }

        private NDArray embed(NDArray input) {
            long side = config.patchSize();
            NDArray patches = Conv2d.conv2d(input, weights.get("patch_embed.proj.weight"),
                    weights.get("patch_embed.proj.bias"), new Shape(side, side)).singletonOrThrow();
            NDArray tokens = patches.reshape(shape.get(0), config.width(), config.patches()).transpose(0, 2, 1);
            NDArray prefix = weights.get("cls_token").reshape(1, 1, config.width())
                    .broadcast(new Shape(shape.get(0), 1, config.width()));
            return prefix.concat(tokens, 1).add(weights.get("pos_embed").reshape(1, config.tokens(), config.width()));
        }

        private NDArray norm(NDArray x, String name) {
            return LayerNorm.layerNorm(x, new Shape(config.width()), weights.get(name + ".weight"),
                    weights.get(name + ".bias"), config.layerNormEpsilon()).singletonOrThrow();
        }

        private NDArray linear(NDArray x, String name) {
            return Linear.linear(x, weights.get(name + ".weight"), weights.get(name + ".bias")).singletonOrThrow();
        }

        private NDArray attention(NDArray x, String block) {
            NDArray qkv = linear(x, block + "attn.qkv")
                    .reshape(shape.get(0), config.tokens(), 3, config.heads(), config.headWidth())
                    .transpose(2, 0, 3, 1, 4);
            NDList parts = qkv.split(3);
            NDArray q = parts.get(0).squeeze(0);
            NDArray k = parts.get(1).squeeze(0);
            NDArray v = parts.get(2).squeeze(0);
            NDArray scores = q.matMul(k.transpose(0, 1, 3, 2)).mul((float) (1 / Math.sqrt(config.headWidth())));
            return scores.softmax(-1).matMul(v).transpose(0, 2, 1, 3)
                    .reshape(shape.get(0), config.tokens(), config.attentionWidth());
        }

        @Override
        public void close() {
            manager.close();
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
