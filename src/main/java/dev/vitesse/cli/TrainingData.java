// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import dev.vitesse.data.Augmentation;
import dev.vitesse.data.ImageDataset;
import dev.vitesse.data.MnistSource;
import dev.vitesse.data.NormalizedImages;
import dev.vitesse.image.Filter;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.Dataset;
import java.io.IOException;
import java.util.List;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The three parts of a data set, as a run uses them.
 *
 * @param training what is learned from, perhaps distorted
 * @param validation the end of the training set, held out; null for none
 * @param test never seen in training
 * @param testImages the test set before normalisation
 * @param preprocessing the normalisation: mean and deviation of the training set's pixels
 */
record TrainingData(
        Dataset training, @Nullable Dataset validation, Dataset test, ImageDataset testImages,
        Preprocessing preprocessing) {

    /**
     * Reads the data.
     *
     * @param validation images to hold out of a training set of the size given
     * @param augmentation distorts the training images; null for none
     */
    static TrainingData load(
            Console console, MnistSource.Digits digits, IntUnaryOperator validation,
            @Nullable Augmentation augmentation) throws IOException {
        ImageDataset train = digits.train();
        ImageDataset test = digits.test();
        if (test.size() != train.size() || test.channels() != train.channels()) {
            throw new CommandException(ExitCodes.BAD_INPUT, digits.describe() + ": training images are "
                    + train.size() + " pixels wide but test images " + test.size()
                    + "; use files that belong together");
        }
        int heldOut = validation.applyAsInt(train.count());
        if (heldOut < 0 || heldOut >= train.count()) {
            throw CommandException.usage("--validation is " + heldOut + "; it must be 0 to " + (train.count() - 1)
                    + ", less than the training set");
        }
        Preprocessing preprocessing = new Preprocessing(
                train.channels(), train.size(), 0, Filter.BILINEAR, train.mean(), train.std());
        ImageDataset.Split split = train.split(heldOut);
        console.message("data: " + digits.describe() + ", " + split.training().count() + " images for training, "
                + heldOut + " for validation, " + test.count() + " for testing");
        return new TrainingData(
                normalized(split.training(), preprocessing, augmentation),
                heldOut == 0 ? null : normalized(split.validation(), preprocessing, null),
                normalized(test, preprocessing, null),
                test,
                preprocessing);
    }

    private static Dataset normalized(
            ImageDataset images, Preprocessing preprocessing, @Nullable Augmentation augmentation) {
        return new NormalizedImages(images, preprocessing.mean(), preprocessing.std(), augmentation);
    }

    List<String> labels() {
        return testImages.classes();
    }

    int validationSize() {
        return validation == null ? 0 : validation.size();
    }

    /** Checks that the images are what the model takes. */
    void requireFits(VitConfig config, String preset) {
        if (config.imageSize() != testImages.size() || config.channels() != testImages.channels()) {
            throw CommandException.usage("the images have " + testImages.size() + " x " + testImages.size()
                    + " pixels and " + testImages.channels() + " channels but preset " + preset + " takes "
                    + config.imageSize() + " x " + config.imageSize() + " with " + config.channels()
                    + "; choose another --preset or other --data");
        }
    }
}
