// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import dev.vitesse.tornado.TornadoAccess;
import dev.vitesse.train.TrainingStep;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vitesse kernels}: the device code that TornadoVM made of the kernels that are written in Java. */
@Command(name = "kernels", description = {
    "Writes the OpenCL C, CUDA or PTX source that TornadoVM generates for each kernel of a model.",
    "A batch of zeros goes through inference and one training step, so that every kernel is compiled."
})
final class KernelsCommand extends CliCommand {
    private static final String TORNADO = "tornado";

    @Option(names = "--device", paramLabel = "DEVICE", defaultValue = TORNADO,
            description = "tornado, tornado:1, tornado:cuda ...; 'vitesse devices' lists them. Default: ${DEFAULT-VALUE}.")
    private String device = TORNADO;

    @Option(names = "--dump", paramLabel = "DIR", required = true, description = "The folder to write to, a file for each kernel.")
    private Path folder;

    @Option(names = "--preset", paramLabel = "NAME", defaultValue = "mnist",
            description = "The model whose kernels are wanted. Default: ${DEFAULT-VALUE}.")
    private String preset = "mnist";

    KernelsCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() throws IOException {
        if (!device.equals(TORNADO) && !device.startsWith(TORNADO + ":")) {
            throw CommandException.usage("--device is " + device + "; only TornadoVM generates kernels: use tornado");
        }
        VitConfig config = config();
        TornadoAccess tornado = TornadoAccess.load();
        String selector = device.length() > TORNADO.length() ? device.substring(TORNADO.length() + 1) : "";
        BackendOptions options = BackendOptions.DEFAULTS.withMessages(console::message)
                .withCompilation(new CompileDisplay(console));
        try (Backend backend = tornado.open(selector, options)) {
            compile(config, backend);
            Map<String, String> sources = tornado.kernelSources(backend);
            Files.createDirectories(folder);
            ObjectNode result = Console.result().put("device", backend.name()).put("folder", folder.toString());
            ArrayNode files = result.putArray("files");
            for (Map.Entry<String, String> source : sources.entrySet()) {
                Files.writeString(folder.resolve(source.getKey()), source.getValue(), StandardCharsets.UTF_8);
                files.add(source.getKey());
            }
            print(result, () -> console.out().println(sources.size() + " kernels of " + preset + " for " + backend.name()
                    + " written to " + folder));
        }
        return ExitCodes.OK;
    }

    private VitConfig config() {
        try {
            return VitConfig.preset(preset);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage("--preset: " + e.getMessage());
        }
    }

    private static void compile(VitConfig config, Backend backend) {
        OptimizerRule rule = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);
        try (VisionTransformer model = new VisionTransformer(config, backend);
                TrainingStep step = new TrainingStep(model, 1, rule, 1, 0);
                Inference inference = model.inference(1)) {
            step.compile();
            inference.compile();
        }
    }
}
