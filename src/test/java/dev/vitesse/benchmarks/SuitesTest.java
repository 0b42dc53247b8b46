// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.vitesse.backend.Kernels;
import dev.vitesse.model.VitConfig;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SuitesTest {
    @ParameterizedTest
    @ValueSource(strings = {"ti/16", "b/16", "h/14", "mnist", "lightvit"})
    void aPresetHasEveryOperationAndEveryNameLeadsBack(String preset) {
        List<Workload> workloads = Suites.preset(preset, List.of(1, 8, 32), false);
        Set<String> operations = workloads.stream().filter(w -> w.kernelCase() != null).map(Workload::op)
                .collect(Collectors.toSet());
        assertThat(operations).containsExactlyInAnyOrderElementsOf(
                Arrays.stream(Kernels.class.getDeclaredMethods()).map(Method::getName).toList());
        assertThat(workloads.stream().map(Workload::id)).doesNotHaveDuplicates();
        for (Workload workload : workloads) {
            assertThat(Workload.parse(workload.id()).id()).isEqualTo(workload.id());
            assertThat(workload.bytes()).isPositive();
        }
    }

    @Test
    void theYardsticksNamesLeadBackToo() {
        assertThat(Suites.yardstick()).allSatisfy(workload ->
                assertThat(Workload.parse(workload.id()).flops()).isEqualTo(workload.flops()));
    }

    @Test
    void theYardstickHasEightLayersWhoseMeanIsTaken() {
        List<Workload> layers = Suites.yardstick().stream().filter(Suites::isYardstickLayer).toList();
        assertThat(layers).hasSize(8).allMatch(workload -> workload.op().equals("linear"));
        List<Measurement> measurements = new ArrayList<>();
        for (Workload layer : layers) {
            measurements.add(Reports.ok(layer, "torch", layer.batch() == 1 ? 4 : 9));
            measurements.add(Reports.ok(layer, "cpu", layer.batch()));
        }
        assertThat(KeyFigures.means(Reports.report(measurements))).singleElement().satisfies(mean -> {
            assertThat(mean.contender()).isEqualTo("cpu");
            assertThat(mean.samples()).hasSize(8);
            // Four times 4, four times 9/8.
            assertThat(mean.value()).isCloseTo(Math.sqrt(4 * 9 / 8.0), within(1e-9));
            assertThat(mean.met()).isTrue();
        });
        assertThat(KeyFigures.means(Reports.report(measurements.subList(0, 14)))).isEmpty();
    }

    @Test
    void quickHasEachMainOperationOnce() {
        List<Workload> quick = Suites.preset("ti/16", List.of(1, 8), true);
        assertThat(quick.stream().filter(w -> w.kernelCase() != null).map(Workload::op)).doesNotHaveDuplicates()
                .contains("linear", "attention", "attentionBackward", "adam");
    }

    @Test
    void otherNamesAreRefused() {
        for (String id : List.of("", "inference", "inference x/1 b=1", "kernel ti/16 b=1 linear(b=9)", "kernel ti/16 b=1")) {
            assertThatIllegalArgumentException().isThrownBy(() -> Workload.parse(id).flops());
        }
    }

    /** 35.1 GFLOP for an image of b/16 at 224, as published. */
    @Test
    void costsAreThePublishedOnes() {
        assertThat(ModelCost.forwardFlops(VitConfig.preset("b/16")) / 1e9).isCloseTo(35.1, within(0.1));
        assertThat(Workload.training("mnist", 128).flops())
                .isEqualTo(3 * 128 * ModelCost.forwardFlops(VitConfig.mnist()));
    }
}
