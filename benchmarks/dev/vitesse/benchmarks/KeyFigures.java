// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.ModelFiles;
import dev.vitesse.io.ModelInfo;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.DoubleStream;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

/** The {@linkplain KeyFigure figures} that the yardstick has beside its workloads: of whole processes, and a mean. */
final class KeyFigures {
    static final String FIRST_ANSWER = "first answer ti/16";
    static final String MEMORY = "peak memory b/16 b=1";
    static final String BATCH_SIZES = "new batch sizes ti/16";
    static final String LAYERS = "geometric mean of linear layers b/16";

    private static final double LONGEST_FIRST_ANSWER = 1.0;
    private static final double WEIGHTS_SHARE = 1.3;
    private static final double JVM_MEGABYTES = 120;
    /** A size's first run: itself, and a stall of no more than another run. */
    private static final double LONGEST_FIRST_RUN = 2;
    private static final double LEAST_MEAN = 1.05;

    private static final int STARTS = 7;
    private static final int MEMORY_STARTS = 3;
    private static final int IMAGE_SIDE = 512;
    private static final String CPU = "cpu";

    private KeyFigures() {}

    /** All names but that of the mean, which needs the layers' workloads. */
    static List<String> ofProcesses() {
        return List.of(FIRST_ANSWER, MEMORY, BATCH_SIZES);
    }

    /**
     * Measures those figures in {@code names} that are of whole processes.
     *
     * @param progress told each name before
     * @param stopped whether to leave the rest
     */
    static List<KeyFigure> measure(
            List<String> names, Settings settings, Consumer<String> progress, BooleanSupplier stopped) {
        List<KeyFigure> figures = new ArrayList<>();
        for (String name : ofProcesses()) {
            if (stopped.getAsBoolean() || !names.contains(name)) {
                continue;
            }
            progress.accept(name);
            try {
                figures.add(measure(name, settings));
            } catch (IOException e) {
                figures.add(KeyFigure.missing(name, CPU, String.valueOf(e.getMessage())));
            }
        }
        return figures;
    }

    private static KeyFigure measure(String name, Settings settings) throws IOException {
        if (name.equals(BATCH_SIZES)) {
            return batchSizes(settings);
        }
        Path launcher = settings.home().resolve("scripts").resolve("vitesse");
        if (!Files.isExecutable(launcher)) {
            return KeyFigure.missing(name, CPU, "there is no " + launcher);
        }
        Path folder = Files.createTempDirectory("vitesse-answer");
        try {
            String preset = name.equals(FIRST_ANSWER) ? "ti/16" : "b/16";
            Path model = folder.resolve("model");
            saveModel(model, VitConfig.preset(preset));
            Path image = folder.resolve("image.jpg");
            ImageIO.write(new BufferedImage(IMAGE_SIDE, IMAGE_SIDE, BufferedImage.TYPE_INT_RGB), "jpg", image.toFile());
            LaunchedAnswer answer = new LaunchedAnswer(List.of(launcher.toString(), "classify", "--device", CPU,
                    "--threads", String.valueOf(settings.threads()), "--model", model.toString(), image.toString()));
            return name.equals(FIRST_ANSWER) ? firstAnswer(answer) : memory(answer, model);
        } finally {
            delete(folder);
        }
    }

    private static void saveModel(Path folder, VitConfig config) throws IOException {
        try (Backend backend = Backends.open(CPU); VisionTransformer model = VisionTransformer.create(config, backend, 1)) {
            ModelFiles.save(folder, model,
                    new ModelInfo(List.of(), Preprocessing.squash(config.channels(), config.imageSize(), 0.5f, 0.5f)));
        }
    }

    private static KeyFigure firstAnswer(LaunchedAnswer answer) throws IOException {
        answer.prepare();
        double[] seconds = new double[STARTS];
        for (int i = 0; i < STARTS; i++) {
            seconds[i] = answer.seconds();
        }
        return new KeyFigure(FIRST_ANSWER, CPU, Statistics.median(seconds), "s", list(seconds), LONGEST_FIRST_ANSWER, false,
                "median of " + STARTS + " runs of 'scripts/vitesse classify', from the command to its end");
    }

    private static KeyFigure memory(LaunchedAnswer answer, Path model) throws IOException {
        answer.prepare();
        double[] megabytes = new double[MEMORY_STARTS];
        for (int i = 0; i < MEMORY_STARTS; i++) {
            long bytes = answer.residentBytes();
            if (bytes == 0) {
                return KeyFigure.missing(MEMORY, CPU, "this system does not tell what memory a process has taken");
            }
            megabytes[i] = bytes / 1e6;
        }
        double weights = Files.size(model.resolve(ModelFiles.WEIGHTS)) / 1e6;
        return new KeyFigure(MEMORY, CPU, DoubleStream.of(megabytes).max().orElseThrow(), "MB", list(megabytes),
                WEIGHTS_SHARE * weights + JVM_MEGABYTES, false, String.format(Locale.ROOT,
                "most of %d runs of 'scripts/vitesse classify' (VmHWM); goal: %.1f x %.0f MB of weights + %.0f MB",
                MEMORY_STARTS, WEIGHTS_SHARE, weights, JVM_MEGABYTES));
    }

    private static KeyFigure batchSizes(Settings settings) throws IOException {
        Map<Integer, Double> ratios = new LinkedHashMap<>();
        NewBatchSizes.inNewProcess(settings.flags().plain(), settings.threads(), ratios::put);
        if (ratios.isEmpty()) {
            return KeyFigure.missing(BATCH_SIZES, CPU, "its process failed");
        }
        double[] all = ratios.values().stream().mapToDouble(Double::doubleValue).toArray();
        String each = String.join(", ", ratios.entrySet().stream()
                .map(e -> String.format(Locale.ROOT, "b=%d %.2f", e.getKey(), e.getValue())).toList());
        return new KeyFigure(BATCH_SIZES, CPU, DoubleStream.of(all).max().orElseThrow(), "", list(all), LONGEST_FIRST_RUN,
                false, "a size's first run, recording included, against its later ones, the slowest of: " + each);
    }

    /** The mean of the layers' speed-ups against the baseline, for each contender that has all of them. */
    static List<KeyFigure> means(Report report) {
        List<KeyFigure> figures = new ArrayList<>();
        List<String> layers = Suites.yardstick().stream().filter(Suites::isYardstickLayer).map(Workload::id).toList();
        for (Report.ContenderInfo contender : report.contenders()) {
            Predicate<Measurement> isLayer = m -> m.contender().equals(contender.name()) && layers.contains(m.workload());
            double[] speedups = report.measurements().stream().filter(isLayer).map(report::againstBaseline)
                    .filter(c -> c != null).mapToDouble(c -> c.speedup().median()).toArray();
            if (speedups.length == layers.size()) {
                figures.add(new KeyFigure(LAYERS, contender.name(), Statistics.geometricMean(speedups), "", list(speedups),
                        LEAST_MEAN, true, "speed-up of " + layers.size() + " layers against " + report.baseline()));
            }
        }
        return figures;
    }

    private static List<Double> list(double[] values) {
        return DoubleStream.of(values).boxed().toList();
    }

    private static void delete(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            // Left to the system's cleaning of temporary files.
        }
    }
}
