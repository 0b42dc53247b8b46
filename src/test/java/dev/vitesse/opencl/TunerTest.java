// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.OptimizerCase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The search and its files, with the one family whose programs compile in no time. */
class TunerTest {
    private static final KernelCase FILL = new OptimizerCase(197).fill(2.5f);

    @TempDir
    private Path folder;

    private OpenClDevice device;
    private final List<String> problems = new ArrayList<>();
    private final List<Map<String, Integer>> candidates = new ArrayList<>();

    private final Tuner.Listener listener = new Tuner.Listener() {
        @Override
        public void family(String family, double milliseconds) {
            assertThat(milliseconds).isPositive();
        }

        @Override
        public void candidate(String family, Map<String, Integer> sizes, double milliseconds, String problem) {
            candidates.add(sizes);
            problems.add(problem);
            assertThat(Double.isInfinite(milliseconds)).isEqualTo(!problem.isEmpty());
        }
    };

    @BeforeEach
    void findDevice() {
        device = TestDevices.require();
    }

    private static TuningSpace items(KernelCase checked, Integer... values) {
        return new TuningSpace(
                "elementwise", List.of(TuningSpace.Axis.of("ITEMS", values)), List.of(checked), List.of(FILL));
    }

    @Test
    void whatIsFoundIsWhatALaterRunReads() throws IOException {
        Path file = folder.resolve("config/vitesse/tuned/device.json");
        List<Tuner.Found> found = Tuner.tune(device, List.of(items(FILL, 16, 32)), file, listener, () -> false);
        assertThat(found).hasSize(1);
        assertThat(found.getFirst().milliseconds()).isPositive()
                .isLessThanOrEqualTo(found.getFirst().millisecondsBefore());
        assertThat(candidates).contains(Map.of("ITEMS", 16), Map.of("ITEMS", 32));
        assertThat(problems).containsOnly("");
        Tuning read = Tuning.read(file, device);
        assertThat(read.family("elementwise")).isEqualTo(found.getFirst().sizes());
        assertThat(read.family("attention")).isEqualTo(Tuning.defaults(device).family("attention"));
        assertThat(Files.list(file.getParent())).hasSize(1);
    }

    @Test
    void candidatesThatComputeWronglyOrDoNotFitAreNeverChosen() throws IOException {
        // Right for the sizes at the start, wrong for every candidate after the first, which does not fit.
        KernelCase wrong = new KernelCase(FILL.op(), FILL.parameters(), FILL.operands(), null, (k, a) -> {
            boolean reference = a.get("x").getClass().getSimpleName().startsWith("Reference");
            k.fill(a.get("x"), reference || candidates.isEmpty() ? 2.5f : -1);
        }, 0);
        int tooMany = (int) device.largestGroup() * 2;
        Path file = folder.resolve("device.json");
        List<Tuner.Found> found = Tuner.tune(
                device, List.of(items(wrong, tooMany, 16)), file, listener, () -> false);
        assertThat(found.getFirst().sizes()).isEqualTo(Tuning.defaults(device).family("elementwise"));
        assertThat(problems).hasSize(2).first().asString()
                .isEqualTo("sizes of elementwise: needs groups of " + tooMany + " work-items; the device has at most "
                        + device.largestGroup());
        assertThat(problems.getLast()).contains("are wrong, the first at index 0: -1.0");
    }

    @Test
    void anInterruptionKeepsWhatWasFound() throws IOException {
        Path file = folder.resolve("device.json");
        List<Tuner.Found> found = Tuner.tune(
                device, List.of(items(FILL, 16, 32, 128), items(FILL, 16)), file, listener, () -> !candidates.isEmpty());
        assertThat(found).hasSize(1);
        assertThat(candidates).hasSize(1);
        assertThat(Tuning.read(file, device).family("elementwise")).isEqualTo(found.getFirst().sizes());
    }

    @Test
    void filesThatNoTunerWroteAreRefusedWithTheirName() throws IOException {
        Path file = folder.resolve("device.json");
        for (String text : new String[] {"", "{", "[]", "{\"device\":\"another\",\"sizes\":{}}",
            device("{\"elementwise\":{\"ITEMS\":0}}"), device("{\"elementwise\":{\"NO\":1}}"), device("{\"no\":{}}"),
            device("{\"elementwise\":{\"ITEMS\":null}}"), device("7"),
            device("{\"gemm.large\":{\"TILE_M\":47}}"), device("{\"elementwise\":{\"ITEMS\":\"many\"}}")}) {
            Files.writeString(file, text);
            assertThatExceptionOfType(DeviceException.class).as(text).isThrownBy(() -> Tuning.read(file, device))
                    .withMessageStartingWith(file + ": ")
                    .withMessageEndingWith("; delete it, or replace it with 'vitesse tune --device opencl'")
                    .withMessageNotContaining("\n");
        }
    }

    private String device(String sizes) {
        return "{\"device\":\"" + device.name() + "\",\"sizes\":" + sizes + "}";
    }

    @Test
    void theFileLiesInTheUsersConfiguration() {
        assertThat(Tuning.userFile(device, folder.toString()).getParent()).isEqualTo(folder.resolve("vitesse/tuned"));
        Path home = Path.of(System.getProperty("user.home"), ".config", "vitesse", "tuned");
        assertThat(Tuning.userFile(device, null).getParent()).isEqualTo(home);
        assertThat(Tuning.userFile(device, "").getFileName().toString()).matches("[a-z0-9-]+\\.json");
    }

    /** Each is named after its device and has no size that does not exist. */
    @Test
    void tablesThatComeAlongCanBeRead() throws IOException {
        try (Stream<Path> tables = Files.list(Path.of("src/main/resources/dev/vitesse/opencl/tuned"))) {
            assertThat(tables).isNotEmpty().allSatisfy(table -> {
                String name = new ObjectMapper().readTree(table.toFile()).path("device").asText();
                OpenClDevice measured = new OpenClDevice(device.platform(), device.handle(), name, "", "", "",
                        OpenClDevice.Kind.CPU, 2, 0, 1L << 32, 1L << 30, 1 << 20, 4096, "");
                assertThat(Tuning.userFile(measured, "").getFileName()).hasToString(table.getFileName().toString());
                assertThat(Tuning.of(measured).toJson(measured)).isEqualTo(Tuning.read(table, measured).toJson(measured));
            });
        }
    }

    @Test
    void everySpaceNamesSizesThatThereAre() {
        Tuning defaults = Tuning.defaults(device);
        for (TuningSpace space : TuningSpace.of(device)) {
            assertThat(defaults.family(space.family())).containsKeys(
                    space.axes().stream().map(TuningSpace.Axis::name).toArray(String[]::new));
            assertThat(space.checked()).isNotEmpty();
            assertThat(space.timed()).isNotEmpty();
        }
        assertThatIllegalArgumentException().isThrownBy(() -> defaults.family("none"));
    }
}
