// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Program;

/** A forward pass recorded for one batch size; smaller batches use it too. Not safe for several threads at once. */
public final class Inference implements AutoCloseable {
    private final VitConfig config;
    private final Activations activations;
    private final Program program;
    private final float[] batchLogits;

    Inference(VisionTransformer model, Activations activations) {
        this.activations = activations;
        config = model.config();
        program = model.backend().record("inference", k -> model.forward(k, activations));
        batchLogits = new float[Math.multiplyExact(activations.batch(), config.outputs())];
    }

    /** The number of images that it takes at once (B). */
    public int batch() {
        return activations.batch();
    }

    /** Has the device compile what the pass needs, which otherwise the first call of {@link #logits} does. */
    public void compile() {
        program.compile();
    }

    /**
     * The logits of {@code count} images with the model's weights as they are now; of a model without a head, its
     * features.
     *
     * @param images [count, C, S, S], normalised as the model was trained
     * @param count 1 to {@link #batch}
     * @return [count, K], or [count, features]
     * @throws IllegalArgumentException if {@code images} has another length
     */
    public float[] logits(float[] images, int count) {
        if (count < 1 || count > batch()) {
            throw new IllegalArgumentException("count is " + count + "; it must be 1 to " + batch());
        }
        long expected = (long) count * config.imageElements();
        if (images.length != expected) {
            throw new IllegalArgumentException(
                    "images has " + images.length + " elements; " + count + " images need " + expected);
        }
        activations.images.rows(0, count).write(images);
        program.run();
        float[] logits = new float[count * config.outputs()];
        activations.logits.read(batchLogits);
        System.arraycopy(batchLogits, 0, logits, 0, logits.length);
        return logits;
    }

    /** Bytes of device memory that the recorded pass holds, without the weights. */
    public long byteSize() {
        return activations.byteSize();
    }

    @Override
    public void close() {
        program.close();
        activations.close();
    }
}
