// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.image.Preprocessing;
import dev.vitesse.io.LoadPlan;
import dev.vitesse.io.NamingScheme;
import dev.vitesse.io.PositionResampling;
import dev.vitesse.io.Rearrangement;
import dev.vitesse.io.VitConfigs;
import dev.vitesse.io.WeightNames;
import dev.vitesse.model.VitConfig;
import dev.vitesse.train.DeviceMemory;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code vitesse inspect}: what a checkpoint is and how it is loaded, tensor by tensor. */
@Command(name = "inspect", description = "Prints what a checkpoint holds: whose names it uses, its configuration and where"
        + " each value came from, which tensor becomes which parameter, how much memory it needs.")
final class InspectCommand extends CliCommand {
    private static final int[] BATCHES = {1, 32};

    @Parameters(paramLabel = "MODEL", description = "As for --model of the other commands.")
    private Path model = Path.of("");

    @Mixin
    private ModelOptions.LoadFlags flags = new ModelOptions.LoadFlags();

    InspectCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        try (LoadPlan plan = LoadPlan.of(model, flags.options())) {
            print(toJson(plan), () -> printText(plan));
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        }
        return ExitCodes.OK;
    }

    /** What inference needs beside the weights; devices may add scratch memory of their own. */
    private static long inferenceBytes(VitConfig config, int batch) {
        return DeviceMemory.ofInference(config, batch, null) - DeviceMemory.ofWeights(config);
    }

    private ObjectNode toJson(LoadPlan plan) {
        VitConfig config = plan.config();
        ObjectNode result = Console.result()
                .put("file", plan.file().path().toString())
                .put("scheme", plan.mapping().scheme().title())
                .put("parameters", config.parameterCount())
                .put("weight_bytes", DeviceMemory.ofWeights(config));
        ObjectNode inference = result.putObject("inference_bytes");
        for (int batch : BATCHES) {
            inference.put(Integer.toString(batch), inferenceBytes(config, batch));
        }
        ObjectNode configuration = result.putObject("configuration");
        values(plan).forEach((key, value) -> configuration.putObject(key).put("value", value)
                .put("origin", origin(plan, key)));
        result.put("image_size", config.imageSize());
        if (plan.resamplesPositions()) {
            result.put("position_resampling", filter(plan));
        }
        ArrayNode tensors = result.putArray("tensors");
        for (WeightNames.Assignment a : plan.mapping().assignments()) {
            ObjectNode tensor = tensors.addObject().put("tensor", a.source().name()).put("type", a.source().type().name());
            ArrayNode shape = tensor.putArray("shape");
            Arrays.stream(a.source().shape()).forEach(shape::add);
            tensor.put("parameter", a.parameter()).put("first_row", a.firstRow()).put("rows", a.rows())
                    .put("rearrangement", a.rearrangement().name().toLowerCase(Locale.ROOT));
        }
        ObjectNode notNeeded = result.putObject("not_needed");
        plan.mapping().notNeeded().forEach(notNeeded::put);
        return result;
    }

    /** Where a value came from; {@code gelu} and {@code activation} are two keys for one thing. */
    private static String origin(LoadPlan plan, String key) {
        Map<String, String> origins = plan.description().origins();
        String other = key.equals("gelu") ? "activation" : key.equals("activation") ? "gelu" : key;
        return origins.getOrDefault(key, origins.getOrDefault(other, "default"));
    }

    /** The finished configuration of the file, by our keys. */
    private static Map<String, String> values(LoadPlan plan) {
        Map<String, String> values = VitConfigs.toMetadata(plan.description().config(), plan.description().info());
        if (values.containsKey("id2label")) {
            values.put("id2label", plan.info().labels().size() + " labels");
        }
        return values;
    }

    private void printText(LoadPlan plan) {
        VitConfig config = plan.config();
        line("file: %s", plan.file().path());
        line("names of: %s (%d tensors)", plan.mapping().scheme().title(), plan.file().tensors().size());
        line("parameters: %,d", config.parameterCount());
        line("memory: weights %s; inference of 1 image %s, of 32 images %s beside them",
                mebibytes(DeviceMemory.ofWeights(config)), mebibytes(inferenceBytes(config, BATCHES[0])),
                mebibytes(inferenceBytes(config, BATCHES[1])));
        line("%nconfiguration, and where each value came from:");
        values(plan).forEach((key, value) -> line("  %-22s %-28s %s", key, value, origin(plan, key)));
        printInput(plan);
        line("%ntensors, and the parameters (timm's names) that they become:");
        for (WeightNames.Assignment a : plan.mapping().assignments()) {
            line("  %s -> %s%s", a.source().describe(), a.parameter(), how(a, plan));
        }
        plan.mapping().notNeeded().forEach((name, reason) -> line("  %s is not needed: %s", name, reason));
    }

    private void printInput(LoadPlan plan) {
        Preprocessing p = plan.info().preprocessing();
        String resize = p == null ? "the files do not say how they are prepared"
                : p.shortestSide() == 0 ? "resized straight to that (" + p.filter().key() + ")"
                : (p.squash() ? "both sides resized to " : "shorter side resized to ") + p.shortestSide() + " ("
                        + p.filter().key() + "), centre cropped";
        line("%nimages: %d x %d, %s", plan.config().imageSize(), plan.config().imageSize(), resize);
        if (plan.resamplesPositions()) {
            line("positions: resampled from images of %d pixels (%s)", plan.description().config().imageSize(),
                    filter(plan));
        }
    }

    private static String filter(LoadPlan plan) {
        PositionResampling resampling = plan.mapping().scheme().family().resampling();
        return resampling == null ? "none" : resampling.title();
    }

    /** What is done on the way, if anything. */
    private static String how(WeightNames.Assignment a, LoadPlan plan) {
        StringBuilder how = new StringBuilder();
        int[] shape = plan.shape(a.parameter());
        if (a.rows() < shape[0]) {
            how.append(String.format(Locale.ROOT, " rows %d to %d", a.firstRow(), a.firstRow() + a.rows() - 1));
        }
        if (a.share() != NamingScheme.Share.WHOLE) {
            how.append(a.share() == NamingScheme.Share.BLOCK ? ", entry " : ", half of the columns ").append(a.index());
        }
        if (a.rearrangement() != Rearrangement.NONE) {
            how.append(", axes ").append(a.rearrangement().name().toLowerCase(Locale.ROOT).replace('_', ' '));
        }
        return how.toString();
    }

    private static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20));
    }

    private void line(String format, Object... arguments) {
        console.out().printf(Locale.ROOT, format + "%n", arguments);
    }
}
