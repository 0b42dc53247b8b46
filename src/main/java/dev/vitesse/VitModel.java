// SPDX-License-Identifier: Apache-2.0
package dev.vitesse;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.Backends;
import dev.vitesse.image.Image;
import dev.vitesse.image.Images;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.InvalidFileException;
import dev.vitesse.io.LoadOptions;
import dev.vitesse.io.LoadedModel;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.model.Inference;
import dev.vitesse.model.Intermediates;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A pretrained Vision Transformer, ready to answer:
 *
 * <pre>{@code
 * try (VitModel model = VitModel.load(Path.of("vit-base-patch16-224"))) {
 *     for (Prediction p : model.classify(Path.of("cat.jpg"), 5)) {
 *         System.out.println(p.label() + " " + p.probability());
 *     }
 * }
 * }</pre>
 *
 * <p>Any number of threads may use a model at once; the device serves them one after the other, images are prepared
 * beside each other. After {@link #close} every method that computes fails with an {@link IllegalStateException}.
 */
public final class VitModel implements AutoCloseable {
    private final Backend backend;
    private final LoadedModel loaded;
    private final int largestBatch;

    /** Guards the device and everything below. */
    private final ReentrantLock lock = new ReentrantLock();

    /** Recorded passes by batch size: the powers of two up to the largest batch, and that, as they are needed. */
    private final TreeMap<Integer, Inference> passes = new TreeMap<>();

    private @Nullable Intermediates intermediates;
    private boolean closed;

    /**
     * How a model is loaded.
     *
     * @param device {@code auto}, {@code cpu}, {@code opencl} ...; see {@link Backends#open(String)}
     * @param threads threads of a device that computes on the CPU; 0 for one per processor
     * @param batch the most images that go to the device at once
     * @param loading what the user says about the model's files
     */
    public record Options(String device, int threads, int batch, LoadOptions loading) {
        /** The best device, all processors, 32 images at once, everything as the files say. */
        public static final Options DEFAULTS = new Options("auto", 0, 32, LoadOptions.NONE);

        public Options {
            if (threads < 0 || batch < 1) {
                throw new IllegalArgumentException("threads is " + threads + " and batch " + batch
                        + "; they must be at least 0 and 1");
            }
        }

        public Options withDevice(String value) {
            return new Options(value, threads, batch, loading);
        }

        public Options withThreads(int value) {
            return new Options(device, value, batch, loading);
        }

        public Options withBatch(int value) {
            return new Options(device, threads, value, loading);
        }

        /** Images of another size than the model's files say; its positions are resampled. */
        public Options withImageSize(int value) {
            return new Options(device, threads, batch, loading.withImageSize(value));
        }

        /** What the files do not say or say wrongly: {@code with("num_heads", "12")}; see {@link LoadOptions}. */
        public Options with(String key, String value) {
            return new Options(device, threads, batch, loading.with(key, value));
        }

        /** A file of renames for weights whose names are of no known scheme; see {@link dev.vitesse.io.Renames}. */
        public Options withNames(Path file) {
            return new Options(device, threads, batch, loading.withNames(file));
        }
    }

    private VitModel(Backend backend, LoadedModel loaded, int largestBatch) {
        this.backend = backend;
        this.loaded = loaded;
        this.largestBatch = largestBatch;
    }

    /** Loads a model with {@link Options#DEFAULTS}; see {@link #load(Path, Options)}. */
    public static VitModel load(Path path) throws IOException {
        return load(path, Options.DEFAULTS);
    }

    /**
     * Loads a model.
     *
     * @param path the weights (.safetensors, .npz, .pt, .pth), the folder that holds them, or the name of a model in the
     *     local Hugging Face cache ({@code Path.of("google/vit-base-patch16-224")}); see {@link ModelFiles#locate}
     * @throws InvalidFileException if a file is missing or damaged, or configuration and weights do not fit each other
     *     tensor by tensor
     * @throws dev.vitesse.backend.DeviceException if the device is unknown, cannot run or lacks the memory
     */
    public static VitModel load(Path path, Options options) throws IOException {
        Backend backend = Backends.open(options.device(), BackendOptions.DEFAULTS.withThreads(options.threads()));
        return load(path, backend, options.batch(), options.loading());
    }

    /**
     * The same on a device that is open already and is closed with the model.
     *
     * @param batch the most images that go to the device at once
     */
    public static VitModel load(Path path, Backend backend, int batch, LoadOptions options) throws IOException {
        try {
            return new VitModel(backend, ModelFiles.load(path, backend, options), batch);
        } catch (IOException | RuntimeException e) {
            backend.close();
            throw e;
        }
    }

    public VitConfig config() {
        return loaded.model().config();
    }

    /** The device that computes, as {@code vitesse devices} calls it. */
    public String device() {
        return backend.name();
    }

    /** The classes' names by number; empty if the model's files have none. */
    public List<String> labels() {
        return loaded.info().labels();
    }

    /**
     * What is done to an image before the model sees it.
     *
     * @throws InvalidFileException if the model's files do not say
     */
    public Preprocessing preprocessing() throws InvalidFileException {
        return loaded.preprocessing();
    }

    /**
     * The logits of any number of images.
     *
     * @param images [B, C, S, S], prepared as {@link #preprocessing} says; B is their length divided by C S S
     * @return [B, K]
     * @throws IllegalArgumentException if the length is no multiple of C S S
     * @throws IllegalStateException if the model has no head, only features, or is closed
     */
    public float[] logits(float[] images) {
        if (config().classes() == 0) {
            throw new IllegalStateException("the model has no classification head, only features");
        }
        int elements = config().imageElements();
        if (images.length % elements != 0) {
            throw new IllegalArgumentException(
                    "images has " + images.length + " elements; it must be a multiple of " + elements);
        }
        int count = images.length / elements;
        int classes = config().classes();
        float[] logits = new float[Math.multiplyExact(count, classes)];
        for (int first = 0, size; first < count; first += size) {
            size = passSize(count - first);
            float[] part = new float[size * elements];
            System.arraycopy(images, first * elements, part, 0, part.length);
            float[] partLogits = logitsOfPass(part, size);
            System.arraycopy(partLogits, 0, logits, first * classes, partLogits.length);
        }
        return logits;
    }

    /**
     * Has the device compile all that it needs for so many images in one call, which takes seconds on TornadoVM. Without it
     * the first such call does.
     *
     * @throws IllegalArgumentException if images is negative
     * @throws dev.vitesse.backend.DeviceException if the device's compiler fails
     */
    public void compile(int images) {
        if (images < 0) {
            throw new IllegalArgumentException("images is " + images + ", must be at least 0");
        }
        exclusively(() -> {
            List<Inference> needed = new ArrayList<>();
            for (int left = images, size; left > 0; left -= size) {
                size = passSize(left);
                needed.add(passes.computeIfAbsent(size, loaded.model()::inference));
            }
            needed.forEach(Inference::compile);
            return needed;
        });
    }

    /**
     * Prepares a decoded image as the model's files say.
     *
     * @return [C, S, S]
     * @throws InvalidFileException if they do not say
     */
    public float[] prepare(Image image) throws InvalidFileException {
        return preprocessing().apply(image);
    }

    /** What is left is split into powers of two, so that no pass computes more images than were asked for. */
    private int passSize(int left) {
        return left >= largestBatch ? largestBatch : Integer.highestOneBit(left);
    }

    private float[] logitsOfPass(float[] images, int size) {
        return exclusively(() -> passes.computeIfAbsent(size, loaded.model()::inference).logits(images, size));
    }

    /**
     * The likeliest classes of an image file.
     *
     * @param top how many classes at most
     * @return best first
     * @throws InvalidFileException if the image cannot be read, or the model's files do not say how to prepare it
     */
    public List<Prediction> classify(Path image, int top) throws IOException {
        return classify(Images.read(image), top);
    }

    /** The likeliest classes of a decoded image, best first. */
    public List<Prediction> classify(Image image, int top) throws InvalidFileException {
        return classify(prepare(image), top).getFirst();
    }

    /**
     * The likeliest classes of each of any number of prepared images.
     *
     * @param images [B, C, S, S], see {@link #logits}
     * @param top how many classes at most
     * @return a list for each image, best first
     */
    public List<List<Prediction>> classify(float[] images, int top) {
        if (top < 1) {
            throw new IllegalArgumentException("top is " + top + "; it must be at least 1");
        }
        float[] logits = logits(images);
        int classes = config().classes();
        List<List<Prediction>> predictions = new ArrayList<>();
        for (int first = 0; first < logits.length; first += classes) {
            predictions.add(Prediction.likeliest(logits, first, classes, top, loaded.info()::label));
        }
        return predictions;
    }

    /**
     * What the model makes of an image before its head: class token, mean of the patches, every block.
     *
     * @throws InvalidFileException if the model's files do not say how to prepare it
     */
    public Features features(Image image) throws InvalidFileException {
        return features(prepare(image));
    }

    /**
     * The same for a prepared image.
     *
     * @param image [C, S, S], see {@link #prepare}
     */
    public Features features(float[] image) {
        return intermediates(image, computed -> Features.of(config(), computed));
    }

    /**
     * Where the model looks, in every block and head.
     *
     * @throws InvalidFileException if the model's files do not say how to prepare the image
     */
    public Attention attention(Image image) throws InvalidFileException {
        return attention(prepare(image));
    }

    /**
     * The same for a prepared image.
     *
     * @param image [C, S, S], see {@link #prepare}
     */
    public Attention attention(float[] image) {
        return intermediates(image, computed -> Attention.of(config(), computed));
    }

    /**
     * Runs one image through a pass that keeps what every block computes, and hands that to {@code reader}, which must
     * copy what it needs.
     *
     * @param image [C, S, S], prepared as {@link #preprocessing} says
     */
    <T> T intermediates(float[] image, Function<Intermediates, T> reader) {
        return exclusively(() -> {
            if (intermediates == null) {
                intermediates = loaded.model().intermediates();
            }
            intermediates.run(image);
            return reader.apply(intermediates);
        });
    }

    /** Computes while no other thread does. */
    private <T> T exclusively(Supplier<T> work) {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the model is closed");
            }
            return work.get();
        } finally {
            lock.unlock();
        }
    }

    /** Waits for the pass that is being computed and releases the device. Closing twice does nothing. */
    @Override
    public void close() {
        lock.lock();
        try {
            if (!closed) {
                closed = true;
                backend.close();
            }
        } finally {
            lock.unlock();
        }
    }
}
