// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import dev.vitesse.model.Inference;
import dev.vitesse.model.VisionTransformer;
import dev.vitesse.model.VitConfig;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.instruction.InvokeInstruction;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordedMethod;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;

/**
 * Kernels are those methods that use the Vector API and neither take nor return vectors: which do are parts of others. As
 * long as they are interpreted they are hundreds of times slower.
 */
class RehearsalTest {
    private static final Path CLASSES = Path.of("target/classes/dev/vitesse/cpu");
    private static final String FORWARD = "forward";
    private static final String WIDE_FORWARD = "wide forward";
    private static final String REHEARSAL = "rehearsal";
    private static final String VECTORS = "jdk/incubator/vector/";

    /** The patterns of {@code scripts/kernels.compile} with what the JVM is told of them. */
    private static Map<String, Set<String>> listed() throws IOException {
        Map<String, Set<String>> options = new TreeMap<>();
        for (String line : Files.readAllLines(Path.of("scripts/kernels.compile"))) {
            if (!line.startsWith("#") && !line.equals("quiet")) {
                String[] parts = line.split(",");
                options.computeIfAbsent(parts[1], pattern -> new TreeSet<>()).add(parts[0]);
            }
        }
        return options;
    }

    private static String regex(String pattern) {
        return pattern.replaceAll("[.$]", "\\\\$0").replace("*", ".*");
    }

    private static Predicate<String> isListed() throws IOException {
        List<String> regexes = listed().keySet().stream().map(p -> regex(p)).toList();
        return method -> regexes.stream().anyMatch(method::matches);
    }

    /** All kernels of the backend, for whatever model and purpose. */
    private static Set<String> kernels() throws IOException {
        Set<String> kernels = new TreeSet<>();
        try (Stream<Path> files = Files.list(CLASSES)) {
            for (Path file : files.filter(path -> path.toString().endsWith(".class")).toList()) {
                ClassModel type = ClassFile.of().parse(file);
                String name = type.thisClass().asInternalName().replace('/', '.');
                type.methods().stream().filter(RehearsalTest::isKernel)
                        .forEach(method -> kernels.add(name + "::" + method.methodName().stringValue()));
            }
        }
        return kernels;
    }

    private static boolean isKernel(MethodModel method) {
        return !method.methodName().equalsString("<clinit>") && !method.methodType().stringValue().contains(VECTORS)
                && method.code().stream().flatMap(CodeModel::elementStream).anyMatch(element ->
                        element instanceof InvokeInstruction call
                                && call.owner().asInternalName().matches(VECTORS + "\\w*Vector"));
    }

    /**
     * The methods of this package that a forward pass or the rehearsal calls. In a process of its own: tests that have
     * TornadoVM's modules lack those of the JVM's recorder.
     */
    private static Set<String> calls(String work) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules", "jdk.incubator.vector,jdk.jfr", "-Xmx1g", "-cp", System.getProperty("java.class.path"),
                Calls.class.getName(), work).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader reader = process.inputReader()) {
            Set<String> called = reader.lines().filter(line -> line.contains("::")).collect(Collectors.toSet());
            assertThat(process.waitFor()).isZero();
            return called;
        }
    }

    /** The process: has the JVM count the calls of every method in this package, and prints which were called. */
    static final class Calls {
        private Calls() {}

        public static void main(String[] args) throws IOException {
            Path file = Files.createTempFile("calls", ".jfr");
            try (Recording recording = new Recording()) {
                recording.enable("jdk.MethodTiming").with("filter", types()).with("period", "endChunk");
                recording.start();
                switch (args[0]) {
                    case FORWARD -> forward("ti/16");
                    case WIDE_FORWARD -> forward("b/16");
                    default -> new Rehearsal().run();
                }
                recording.stop();
                recording.dump(file);
                for (RecordedEvent event : RecordingFile.readAllEvents(file)) {
                    RecordedMethod method = event.getValue("method");
                    if (event.getLong("invocations") > 0) {
                        System.out.println(method.getType().getName() + "::" + method.getName());
                    }
                }
            } finally {
                Files.delete(file);
            }
        }

        private static String types() throws IOException {
            try (Stream<Path> files = Files.list(CLASSES)) {
                return files.map(file -> file.getFileName().toString()).filter(name -> name.endsWith(".class"))
                        .map(name -> Calls.class.getPackageName() + "." + name.replace(".class", ""))
                        .collect(Collectors.joining(";"));
            }
        }
    }

    /** A forward pass of a preset with one block. */
    private static void forward(String preset) {
        VitConfig config = VitConfig.preset(preset).toBuilder().depth(1).build();
        try (Backend backend = Backends.open("cpu");
                VisionTransformer model = VisionTransformer.create(config, backend, 1);
                Inference inference = model.inference(1)) {
            inference.logits(new float[config.imageElements()], 1);
        }
    }

    private static Set<String> kernelsOf(String work) throws IOException, InterruptedException {
        Set<String> kernels = kernels();
        kernels.retainAll(calls(work));
        return kernels;
    }

    @Test
    void whatAForwardPassCallsIsRehearsedAndCompiledEarly() throws IOException, InterruptedException {
        Set<String> forward = kernelsOf(FORWARD);
        assertThat(forward).hasSizeGreaterThan(5).allMatch(isListed(), "stands in scripts/kernels.compile");
        // Where vectors are short, a rest of ti/16's tokens is as wide as two of them, and the rehearsal's is not.
        assumeThat(Simd.LANES).isGreaterThanOrEqualTo(8);
        assertThat(kernelsOf(REHEARSAL)).containsAll(forward);
    }

    @Test
    void whatIsCompiledEarlyIsThereAndWhoeverCallsWaitsForIt() throws IOException, InterruptedException {
        // Of b/16: its MLP is as wide as sums are split, ti/16's is not.
        Set<String> methods = calls(WIDE_FORWARD);
        assertThat(listed()).isNotEmpty().allSatisfy((pattern, options) -> {
            assertThat(options).containsExactly("BackgroundCompilation", "CompileThresholdScaling");
            String regex = regex(pattern);
            assertThat(methods.stream().filter(method -> method.matches(regex)).collect(Collectors.toSet()))
                    .as(pattern).isNotEmpty();
        });
    }
}
