// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.train;

import dev.vitesse.backend.Tensor;
import dev.vitesse.io.Checkpoint;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Trains a model on a data set. The same model, options, data, device and threads give the same bits, also when the run
 * is stopped, saved, and resumed by a new trainer. {@link #requestStop} may be called from any thread, all else from one.
 */
public final class Trainer implements AutoCloseable {
    /** The most images that go through the device at once in validation. */
    public static final int VALIDATION_BATCH = 256;

    /** How {@link #fit} ended. */
    public enum Outcome {
        /** All epochs are done. */
        COMPLETED,
        /** The validation loss no longer fell; the model has its best weights. */
        STOPPED_EARLY,
        /** {@link #requestStop} was called; save and resume to go on. */
        INTERRUPTED
    }

    private final VitConfig config;
    private final TrainingOptions options;
    private final Dataset training;
    private final @Nullable Dataset validation;
    private final TrainingStep trainingStep;
    private final @Nullable Inference inference;
    private final @Nullable EarlyStopping earlyStopping;
    private final float[] images;
    private final int[] labels;
    private final int stepsPerEpoch;
    private final List<EpochMetrics> history = new ArrayList<>();
    private volatile boolean stopRequested;

    // What follows changes from step to step and is saved in checkpoints.
    private int epoch;
    private int batchOfEpoch;
    private int step;
    private double lossSum;
    private int correct;
    private int seen;
    private boolean finished;

    private long imagesTimed;
    private long nanos;

    /**
     * @param model is trained in place
     * @param validation measured after every epoch; null for none
     * @throws IllegalArgumentException if the data do not fit the model or the options
     */
    public Trainer(
            VisionTransformer model, TrainingOptions options, Dataset training, @Nullable Dataset validation) {
        this.config = model.config();
        this.options = options;
        this.training = training;
        this.validation = validation;
        int batch = options.batch();
        if (training.size() < batch) {
            throw new IllegalArgumentException("the batch of " + batch + " is larger than the training set of "
                    + training.size() + " images; use a batch of at most " + training.size());
        }
        if (training.classes().size() > config.classes()) {
            throw new IllegalArgumentException("the data have " + training.classes().size()
                    + " classes but the model only " + config.classes());
        }
        if (options.patience() > 0 && validation == null) {
            throw new IllegalArgumentException("early stopping needs a validation set");
        }
        trainingStep = new TrainingStep(model, batch, options.optimizer(), options.clipNorm(), options.labelSmoothing());
        inference = validation == null ? null : model.inference(Math.min(VALIDATION_BATCH, validation.size()));
        earlyStopping = options.patience() > 0 ? new EarlyStopping(model, options.patience()) : null;
        images = new float[Math.multiplyExact(batch, config.imageElements())];
        labels = new int[batch];
        stepsPerEpoch = Math.ceilDiv(training.size(), batch);
        Math.multiplyExact(stepsPerEpoch, options.epochs());
    }

    /**
     * Trains until all epochs are done or something ends it sooner.
     *
     * @throws NonFiniteLossException if the loss or the gradient is infinite or NaN
     */
    public Outcome fit(TrainingListener listener) {
        trainingStep.compile();
        if (inference != null) {
            inference.compile();
        }
        while (!finished && epoch < options.epochs()) {
            if (!trainEpoch(listener)) {
                return Outcome.INTERRUPTED;
            }
            endEpoch(listener);
        }
        return epoch < options.epochs() ? Outcome.STOPPED_EARLY : Outcome.COMPLETED;
    }

    /** Goes through what is left of the epoch; false if it was interrupted. */
    private boolean trainEpoch(TrainingListener listener) {
        int[] order = EpochOrder.of(training.size(), options.seed(), epoch);
        while (batchOfEpoch < stepsPerEpoch) {
            if (stopRequested) {
                return false;
            }
            long start = System.nanoTime();
            int count = readBatch(order);
            TrainingStep.Result result = trainingStep.run(images, labels, rate(step + 1), step + 1, seedOfDropout());
            step++;
            batchOfEpoch++;
            if (!result.isFinite()) {
                throw new NonFiniteLossException(epoch + 1, step, result);
            }
            lossSum += (double) result.loss() * count;
            correct += result.correct();
            seen += count;
            nanos += System.nanoTime() - start;
            imagesTimed += count;
            listener.step(epoch + 1, batchOfEpoch, stepsPerEpoch, result.loss(), imagesPerSecond());
        }
        return true;
    }

    /** Fills the next batch; where the data end before it does, labels are -1 and images are what they were. */
    private int readBatch(int[] order) {
        int first = batchOfEpoch * options.batch();
        int count = Math.min(options.batch(), order.length - first);
        Arrays.fill(labels, -1);
        for (int i = 0; i < count; i++) {
            int index = order[first + i];
            training.read(index, epoch, images, i * config.imageElements());
            labels[i] = training.label(index);
        }
        return count;
    }

    private void endEpoch(TrainingListener listener) {
        Evaluation evaluation = validation == null ? null : Evaluation.of(inference, config, validation, count -> {});
        double validationLoss = evaluation == null ? Double.NaN : evaluation.loss();
        double validationAccuracy = evaluation == null ? Double.NaN : evaluation.accuracy();
        EpochMetrics metrics = new EpochMetrics(epoch + 1, rate(step), lossSum / seen, correct / (double) seen,
                validationLoss, validationAccuracy, imagesPerSecond());
        history.add(metrics);
        epoch++;
        batchOfEpoch = 0;
        lossSum = 0;
        correct = 0;
        seen = 0;
        if (earlyStopping != null && earlyStopping.stopAfter(validationLoss)) {
            finished = true;
        }
        if (earlyStopping != null && (finished || epoch == options.epochs())) {
            earlyStopping.restoreBest();
        }
        listener.epoch(metrics);
    }

    private float rate(int atStep) {
        int warmupSteps = Math.round(options.warmup() * stepsPerEpoch);
        return options.schedule().rate(options.learningRate(), atStep, warmupSteps, stepsPerEpoch * options.epochs());
    }

    private int seedOfDropout() {
        return Long.hashCode(options.seed());
    }

    private double imagesPerSecond() {
        return imagesTimed * 1e9 / Math.max(1, nanos);
    }

    /** Makes {@link #fit} return after the step that it is at. */
    public void requestStop() {
        stopRequested = true;
    }

    /** The epochs done so far, those before a resumption included. */
    public List<EpochMetrics> history() {
        return List.copyOf(history);
    }

    /** Steps taken so far. */
    public int steps() {
        return step;
    }

    /** Bytes of device memory that training needs beside the weights. */
    public long byteSize() {
        return trainingStep.byteSize() + (inference == null ? 0 : inference.byteSize());
    }

    /**
     * Writes everything that {@link #restore} needs, in one file that is either whole or not there.
     *
     * @throws IOException if the file cannot be written
     */
    public void save(Path checkpoint) throws IOException {
        Map<String, String> state = new LinkedHashMap<>(TrainingState.of(options));
        state.put("epoch", Integer.toString(epoch));
        state.put("batch_of_epoch", Integer.toString(batchOfEpoch));
        state.put("step", Integer.toString(step));
        state.put("loss_sum", Double.toHexString(lossSum));
        state.put("correct", Integer.toString(correct));
        state.put("seen", Integer.toString(seen));
        state.put("finished", Boolean.toString(finished));
        state.put("training_size", Integer.toString(training.size()));
        state.put("history", TrainingState.of(history));
        if (earlyStopping != null) {
            earlyStopping.save(state);
        }
        Checkpoint.write(checkpoint, tensors(), state);
    }

    /**
     * Takes up the run that {@code checkpoint} was saved from, whose options this trainer was made with.
     *
     * @throws IOException if the file cannot be read, is damaged, or belongs to another model or data set
     */
    public void restore(Path checkpoint) throws IOException {
        try (Checkpoint saved = Checkpoint.read(checkpoint)) {
            Map<String, String> state = saved.state();
            TrainingState.requireSame(checkpoint, state, "training_size", Integer.toString(training.size()));
            for (Map.Entry<String, String> option : TrainingState.of(options).entrySet()) {
                TrainingState.requireSame(checkpoint, state, option.getKey(), option.getValue());
            }
            saved.restore(tensors());
            epoch = TrainingState.integer(checkpoint, state, "epoch");
            batchOfEpoch = TrainingState.integer(checkpoint, state, "batch_of_epoch");
            step = TrainingState.integer(checkpoint, state, "step");
            lossSum = Double.parseDouble(state.get("loss_sum"));
            correct = TrainingState.integer(checkpoint, state, "correct");
            seen = TrainingState.integer(checkpoint, state, "seen");
            finished = Boolean.parseBoolean(state.get("finished"));
            history.clear();
            history.addAll(TrainingState.history(state.get("history")));
            if (earlyStopping != null) {
                earlyStopping.restore(state);
            }
        }
    }

    /**
     * The options of the run that {@code checkpoint} was saved from.
     *
     * @throws IOException if the file cannot be read or is damaged
     */
    public static TrainingOptions optionsOf(Path checkpoint) throws IOException {
        try (Checkpoint saved = Checkpoint.read(checkpoint)) {
            return TrainingState.options(checkpoint, saved.state());
        }
    }

    private Map<String, Tensor> tensors() {
        Map<String, Tensor> tensors = trainingStep.state();
        if (earlyStopping != null) {
            tensors.putAll(earlyStopping.tensors());
        }
        return tensors;
    }

    @Override
    public void close() {
        trainingStep.close();
        if (inference != null) {
            inference.close();
        }
        if (earlyStopping != null) {
            earlyStopping.close();
        }
    }
}
